/**
 * What is wrong with a configuration: every fault with its key and its origin, and all of them as one error.
 */
import { SlotkeeperError } from '../fault.ts';

export interface ConfigFault {
  /** The key; of an environment variable or flag, the key that it sets. Empty for a whole file. */
  readonly key: string;
  /** `flag --max-runs`, `env QUEUE_TIMEOUT_MS`, `file slotkeeper.json`. */
  readonly origin: string;
  readonly expected: string;
  /** What was got, as text; absent where it is not to be shown. */
  readonly got?: string;
}

/** Characters of what was got. */
const LONGEST_SHOWN = 80;

/** Throws `invalid_config` when there are any. */
export function expectNone(faults: readonly ConfigFault[]): void {
  if (faults.length === 0) return;
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  const lines = faults.map((fault) => `\n  ${lineOf(fault)}`);
  throw new SlotkeeperError('invalid_config', `The configuration has ${count}:${lines.join('')}`, {
    faults,
  });
}

function lineOf({ key, origin, expected, got }: ConfigFault): string {
  const subject = key === '' ? origin : `${key} (${origin})`;
  return `${subject}: expected ${expected}${got === undefined ? '' : `, got ${got}`}`;
}

/** A value of JSON, short. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
