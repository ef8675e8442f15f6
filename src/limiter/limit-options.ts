/**
 * Limits as they are given by people: checked, with the name of what is wrong.
 */
import { expectKnown, expectOption } from '../otp/options.ts';
import { DEFAULT_LIMITS, isId, isLimit, type LimitChanges } from '../slots/index.ts';

const EXPECTED = 'a positive integer up to 2147483647 or Infinity';
const NAMES = Object.keys(DEFAULT_LIMITS);

export interface SetLimitsOptions {
  /** Who changes them, 1 to 256 characters; it is kept with the limits. */
  readonly by?: string;
}

/** Who changes limits. Throws `invalid_option`. */
export function checkedBy(options: SetLimitsOptions): string | undefined {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, ['by']);
  const { by } = options;
  expectOption('by', by, isOptionalId, 'a string of 1 to 256 characters');
  return by;
}

/** The changes without what is absent. Throws `invalid_option`. */
export function checkLimitChanges(changes: LimitChanges): LimitChanges {
  expectOption('limits', changes, isObject, 'an object');
  expectKnown(changes, NAMES);
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    if (name === 'maxRunsPerKind') checkKinds(value);
    else expectOption(`limits.${name}`, value, isLimit, EXPECTED);
  }
  return Object.fromEntries(given);
}

function checkKinds(kinds: unknown): void {
  const name = 'limits.maxRunsPerKind';
  expectOption(name, kinds, isObject, 'an object of limits by kind');
  for (const [kind, limit] of Object.entries(kinds as object)) {
    expectOption(`${name}.${kind}`, limit, isLimit, EXPECTED);
    expectOption(`a kind of ${name}`, kind, isId, 'a string of 1 to 256 characters');
  }
}

function isOptionalId(value: unknown): boolean {
  return value === undefined || isId(value);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
