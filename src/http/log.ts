/**
 * The daemon's log: one JSON object a line on standard output, without secrets.
 *
 * Nothing waits for whoever reads it, and nothing ends when it cannot be written. What is not taken yet is kept
 * up to a limit, and above that left out: a daemon that stands still because its log does would be worse than
 * one whose log has a hole.
 */
import { type Logger, pino, stdSerializers } from 'pino';
import sonicBoom from 'sonic-boom';

/** Where its lines go; a pino logger, or whatever has its four functions. */
export type DaemonLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Wherever they might come to stand. */
const SECRETS = ['authorization', 'headers.authorization', 'req.headers.authorization', '*.hash'];
const STANDARD_OUTPUT = 1;
/** Some hundred thousand lines. */
const MOST_UNWRITTEN_BYTES = 16 * 1024 * 1024;
/** For the last lines to be taken. */
const FLUSH_MS = 1_000;

export interface ProcessLog {
  readonly logger: DaemonLog;
  /** Ends the process when all is written, as far as it can be. */
  exit(code: number): void;
}

export function daemonLog(): ProcessLog {
  const file = new sonicBoom.SonicBoom({
    fd: STANDARD_OUTPUT,
    sync: false,
    // Each line at once; with 0 it cannot tell when all is written.
    minLength: 1,
    maxLength: MOST_UNWRITTEN_BYTES,
  });
  let isFailing = false;
  file.on('error', () => {
    isFailing = true;
  });
  file.on('write', () => {
    isFailing = false;
  });
  const options = {
    name: 'slotkeeper',
    redact: SECRETS,
    serializers: { error: stdSerializers.err },
  };
  const exit = (code: number): void => {
    file.flush(() => process.exit(code));
    setTimeout(() => (isFailing ? process.exit(code) : dieUnread()), FLUSH_MS);
  };
  return { logger: pino(options, file), exit };
}

/** Node would wait, for ever, for a write that nobody takes. */
function dieUnread(): void {
  process.kill(process.pid, 'SIGKILL');
}
