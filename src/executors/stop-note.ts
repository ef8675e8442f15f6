/**
 * What is written down of a stop: why, so that a keeper who takes up the command after a crash goes on stopping it,
 * and its run ends as it was to end, not by the signal that it died of.
 */
import { SlotkeeperError } from '../fault.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import type { StopNote } from './executor.ts';

/** Of a stop for a reason that is no fault of ours. */
const UNKNOWN: StopNote = { state: 'interrupted', reason: 'stopped' };

/** Before anybody is asked. A disk that does not take it does not hold up the stop. */
export function writeStop(folder: AttemptFolder, reason: Error): void {
  try {
    folder.stop ??= noteOf(reason);
  } catch {
    // If the keeper dies now, its successor sees a command that died of a signal.
  }
}

function noteOf(error: Error): StopNote {
  if (!(error instanceof SlotkeeperError)) return UNKNOWN;
  const { reason, note } = error.details;
  if (typeof reason !== 'string') return UNKNOWN;
  return { state: error.code, reason, ...(typeof note === 'string' && { note }) };
}
