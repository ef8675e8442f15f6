/**
 * Checks of options, with one way to say what was expected.
 */
import { SlotkeeperError } from '../fault.ts';
import { describeValue } from './exit-reason.ts';

/** Characters of what was got. */
const LONGEST_SHOWN = 200;

/** Throws `invalid_option`, naming the option, the value and what is expected. */
export function expectOption(
  option: string,
  value: unknown,
  isValid: (value: unknown) => boolean,
  expected: string,
): void {
  if (isValid(value)) return;
  throw invalidOption(option, value, expected);
}

/** Refuses an option that is not there, so that a misspelt one is not silently without effect. */
export function expectKnown(options: object, known: readonly string[]): void {
  for (const option of Object.keys(options)) {
    if (known.includes(option)) continue;
    const value: unknown = Reflect.get(options, option);
    const expected = `one of ${known.join(', ')}`;
    const text = `There is no option ${option}: expected ${expected}`;
    throw new SlotkeeperError('invalid_option', text, { option, value, expected });
  }
}

export function invalidOption(
  option: string,
  value: unknown,
  expected: string,
): SlotkeeperError<'invalid_option'> {
  return new SlotkeeperError(
    'invalid_option',
    `Option ${option} must be ${expected}, got ${shown(value)}`,
    { option, value, expected },
  );
}

/** Throws `invalid_option` for what is no exit reason. */
export function expectReason(reason: unknown): void {
  const expected = "'normal', 'shutdown', { shutdown: … }, 'killed', 'noproc' or an Error";
  expectOption('reason', reason, isExitReason, expected);
}

function isExitReason(reason: unknown): boolean {
  if (typeof reason === 'string') return REASONS.includes(reason);
  return (
    reason instanceof Error ||
    (typeof reason === 'object' && reason !== null && 'shutdown' in reason)
  );
}

const REASONS = ['normal', 'shutdown', 'killed', 'noproc'];

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

export function isOptionalBoolean(value: unknown): boolean {
  return value === undefined || typeof value === 'boolean';
}

/** A positive integer or `Infinity`. */
export function isCount(value: unknown): boolean {
  return value === Infinity || (Number.isSafeInteger(value) && (value as number) > 0);
}

/** A whole number of things, none included. */
export function isWholeNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Milliseconds: zero or more, `Infinity` included. */
export function isDuration(value: unknown): boolean {
  return typeof value === 'number' && value >= 0;
}

/** Absent, or a string that is not empty. */
export function isOptionalName(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && value !== '');
}

/** As text, and not whole where that is long: it may be a document. */
function shown(value: unknown): string {
  const text = describeNumber(value);
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}

/** JSON has no NaN and no Infinity. */
function describeNumber(value: unknown): string {
  return typeof value === 'number' ? String(value) : describeValue(value);
}
