/**
 * The options of a release.
 */
import { SlotkeeperError } from '../fault.ts';
import { expectKnown, expectOption } from '../otp/options.ts';

export interface ReleaseOptions {
  /** Releases only the grant with this token. */
  readonly token?: number;
}

/** The fault in the options, if there is one. */
export function checkReleaseOptions(options: ReleaseOptions): SlotkeeperError | undefined {
  try {
    expectOption('options', options, isObject, 'an object');
    expectKnown(options, ['token']);
    expectOption('token', options.token, isOptionalToken, 'a positive integer');
    return undefined;
  } catch (fault) {
    if (fault instanceof SlotkeeperError) return fault;
    throw fault;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function isOptionalToken(value: unknown): boolean {
  return value === undefined || (Number.isSafeInteger(value) && (value as number) > 0);
}
