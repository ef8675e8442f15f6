/**
 * The daemon's log: one JSON object a line on standard output, without secrets.
 */
import { type Logger, pino, stdSerializers } from 'pino';

/** Where its lines go; a pino logger, or whatever has its four functions. */
export type DaemonLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Wherever they might come to stand. */
const SECRETS = ['authorization', 'headers.authorization', 'req.headers.authorization', '*.hash'];

export function daemonLog(): Logger {
  return pino({
    name: 'slotkeeper',
    redact: SECRETS,
    serializers: { error: stdSerializers.err },
  });
}
