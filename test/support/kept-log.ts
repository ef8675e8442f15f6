/**
 * A log whose lines are kept in this process.
 */
import type { DaemonOptions } from '../../src/http/daemon-options.ts';

export interface KeptLine {
  readonly text: string | undefined;
  readonly facts: object;
}

export function keptLog() {
  const lines: KeptLine[] = [];
  const keep = (facts: object, text?: string) => void lines.push({ facts, text });
  // Of pino's many ways to say a thing the daemon uses one.
  const logger = { debug: keep, info: keep, warn: keep, error: keep } as DaemonOptions['logger'];
  return { logger, lines };
}
