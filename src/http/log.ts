/**
 * The daemon's log: one JSON object a line on standard output, without secrets.
 *
 * Nothing waits for whoever reads it. What he has not taken yet is kept up to a limit, and above that left out:
 * a daemon that stands still because its log does would be worse than one whose log has a hole.
 */
import { type Logger, pino, stdSerializers } from 'pino';

/** Where its lines go; a pino logger, or whatever has its four functions. */
export type DaemonLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Wherever they might come to stand. */
const SECRETS = ['authorization', 'headers.authorization', 'req.headers.authorization', '*.hash'];

/** Some hundred thousand lines. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

/** What it has in hand when the process exits is written then. */
export function daemonLog(): Logger {
  const destination = pino.destination({ dest: 1, sync: false, maxLength: MOST_UNREAD_BYTES });
  return pino(
    { name: 'slotkeeper', redact: SECRETS, serializers: { error: stdSerializers.err } },
    destination,
  );
}
