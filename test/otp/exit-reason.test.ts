import { describe, expect, test } from 'vitest';
import {
  crashReason,
  describeReason,
  describeValue,
  type ExitReason,
  failureOf,
  isAbnormal,
} from '../../src/otp/exit-reason.ts';

const ORDERLY: ExitReason[] = ['normal', 'shutdown', { shutdown: 'for lunch' }];
const ABNORMAL: ExitReason[] = ['killed', 'noproc', new Error('boom')];

describe('isAbnormal', () => {
  test.each(ORDERLY)('taking %j for an orderly end', (reason) => {
    expect(isAbnormal(reason)).toBe(false);
  });

  test.each(ABNORMAL)('taking %s for an abnormal end', (reason) => {
    expect(isAbnormal(reason)).toBe(true);
  });

  test('taking a shutdown with an error in it for orderly', () => {
    expect(isAbnormal({ shutdown: new Error('gave up') })).toBe(false);
  });
});

describe('crashReason', () => {
  test('keeping an Error as it is', () => {
    const error = new RangeError('too far');
    expect(crashReason(error)).toBe(error);
  });

  test.each(['oops', 7, undefined, null, { code: 'E' }])('wrapping a thrown %j', (thrown) => {
    const reason = crashReason(thrown);
    expect(reason).toMatchObject({ code: 'thrown_value' });
    expect(reason.cause).toBe(thrown);
    expect(reason.message).toContain(describeValue(thrown));
  });
});

describe('failureOf', () => {
  test.each(['normal', 'shutdown', { shutdown: 'for lunch' }] as const)(
    'finding no failure in %j',
    (reason) => {
      expect(failureOf(reason)).toBeUndefined();
    },
  );

  test('giving the error of a crash, and of a supervisor that gave up', () => {
    const error = new Error('boom');
    expect(failureOf(error)).toBe(error);
    expect(failureOf({ shutdown: error })).toBe(error);
  });

  test.each(['killed', 'noproc'] as const)('making an error of %s', (reason) => {
    expect(failureOf(reason)).toMatchObject({ code: 'server_down', details: { reason } });
  });
});

describe('describeReason', () => {
  test.each([
    ['normal', 'normal'],
    [new RangeError('too far'), 'RangeError: too far'],
    [{ shutdown: 'for lunch' }, 'shutdown ("for lunch")'],
    [{ shutdown: new Error('gave up') }, 'shutdown (Error: gave up)'],
  ] as [ExitReason, string][])('saying %o in one line', (reason, text) => {
    expect(describeReason(reason)).toBe(text);
  });
});

describe('describeValue', () => {
  const circle: Record<string, unknown> = {};
  circle.itself = circle;

  test.each([
    ['text', '"text"'],
    [7, '7'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    [{ a: 1 }, '{"a":1}'],
    [() => {}, 'a function'],
    [function named() {}, 'a function (named)'],
    [new TypeError('no'), 'TypeError: no'],
    [circle, '[object Object]'],
  ])('describing %o', (value, text) => {
    expect(describeValue(value)).toContain(text);
  });

  test('surviving what cannot be converted', () => {
    const hostile = { toJSON: () => JSON.parse('{') };
    expect(() => describeValue(hostile)).not.toThrow();
    expect(() => describeValue(Object.create(null))).not.toThrow();
    expect(() => describeValue(10n)).not.toThrow();
  });
});
