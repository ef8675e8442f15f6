/**
 * The daemon's log: one JSON object a line on standard output, without secrets.
 */
import { type Logger, pino, stdSerializers } from 'pino';

/** Wherever they might come to stand. */
const SECRETS = ['authorization', 'headers.authorization', 'req.headers.authorization', '*.hash'];

export function daemonLog(): Logger {
  return pino({
    name: 'slotkeeper',
    redact: SECRETS,
    serializers: { error: stdSerializers.err },
  });
}
