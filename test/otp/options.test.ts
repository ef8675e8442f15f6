import { describe, expect, test } from 'vitest';
import {
  dynamicSupervisor,
  fromGenServer,
  ready,
  startServer,
  supervisor,
} from '../../src/index.ts';
import {
  expectOption,
  invalidOption,
  isCount,
  isDuration,
  isWholeNumber,
} from '../../src/otp/options.ts';

describe('isCount', () => {
  test.each([1, 2, Number.MAX_SAFE_INTEGER, Infinity])('accepting %s', (value) => {
    expect(isCount(value)).toBe(true);
  });

  test.each([0, -1, 1.5, Number.NaN, -Infinity, 2 ** 53, null, undefined, '10', 1n])(
    'refusing %s',
    (value) => {
      expect(isCount(value)).toBe(false);
    },
  );
});

describe('isWholeNumber', () => {
  test.each([0, 1, 100])('accepting %s', (value) => {
    expect(isWholeNumber(value)).toBe(true);
  });

  test.each([-1, 0.5, Infinity, Number.NaN, null, '0'])('refusing %s', (value) => {
    expect(isWholeNumber(value)).toBe(false);
  });
});

describe('isDuration', () => {
  test.each([0, 0.5, 5_000, Infinity])('accepting %s', (value) => {
    expect(isDuration(value)).toBe(true);
  });

  test.each([-1, Number.NaN, -Infinity, null, undefined, '5', new Date(0)])(
    'refusing %s',
    (value) => {
      expect(isDuration(value)).toBe(false);
    },
  );
});

describe('expectOption', () => {
  test('letting a valid value pass', () => {
    expect(() => expectOption('size', 3, isCount, 'a count')).not.toThrow();
  });

  test('naming the option, the value and what is expected', () => {
    expect(() => expectOption('size', 'big', isCount, 'a count')).toThrow(
      'Option size must be a count, got "big"',
    );
  });

  test('being a fault with a code and with details to log', () => {
    expect(invalidOption('size', -1, 'a count')).toMatchObject({
      name: 'SlotkeeperError',
      code: 'invalid_option',
      details: { option: 'size', value: -1, expected: 'a count' },
    });
  });

  test.each([
    [Number.NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    [undefined, 'undefined'],
    [null, 'null'],
  ])('showing %s as what it is', (value, shown) => {
    expect(invalidOption('size', value, 'a count').message).toMatch(new RegExp(`got ${shown}$`));
  });
});

describe('invalidOption', () => {
  test('showing no more than the beginning of what is long', () => {
    const { message } = invalidOption('order', 'x'.repeat(200_000), 'short');
    expect(message).toBe(`Option order must be short, got "${'x'.repeat(199)}…`);
  });
});

describe('expectKnown', () => {
  const counter = { init: () => ready(0) };

  test.each<[string, () => unknown]>([
    ['a callback of a server', () => fromGenServer({ ...counter, handelCall: {} } as never)],
    ['an option of a supervisor', () => supervisor({ childs: [] } as never)],
    ['an option of a dynamic supervisor', () => dynamicSupervisor({ max: 1 } as never)],
    [
      'a field of a child spec',
      () =>
        supervisor({
          children: [{ id: 'a', logic: fromGenServer(counter), restarts: 1 }] as never,
        }),
    ],
  ])('refusing %s that is misspelt', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });

  test('refusing an option of a start that is misspelt', async () => {
    const start = startServer(fromGenServer(counter), { nam: 'counter' } as never);
    await expect(start).rejects.toMatchObject({
      code: 'invalid_option',
      details: { option: 'nam' },
    });
  });

  test('naming what there is', () => {
    expect(() => dynamicSupervisor({ max: 1 } as never)).toThrow('maxChildren');
  });
});

describe('fromGenServer', () => {
  test.each<[string, object]>([
    ['no init', {}],
    ['an init that is no function', { init: 1 }],
    ['a clause that is no function', { init: () => ready(0), handleCall: { read: 1 } }],
    ['a trapExit that is no boolean', { init: () => ready(0), trapExit: 'yes' }],
  ])('refusing %s', (_what, definition) => {
    expect(() => fromGenServer(definition as never)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});
