/**
 * Run ids of our own making: a random prefix tells processes and threads apart, also in logs and
 * journals.
 */
import { RunIds } from '../slots/index.ts';

export function randomRunIds(): RunIds {
  return new RunIds(`${crypto.randomUUID().slice(0, 8)}-`);
}

/** Those of this thread's limiters. */
export const runIds = randomRunIds();
