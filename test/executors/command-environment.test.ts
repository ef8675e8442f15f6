/**
 * What a command sees of the environment: the list, what was asked for, its tag, and nothing besides.
 */
import { describe, expect, test } from 'vitest';
import { environmentOf } from '../../src/executors/command-environment.ts';

describe('the environment of a command', () => {
  test('inheriting what is on the list, and nothing else', () => {
    const own = {
      PATH: '/here',
      HOME: '/home/me',
      LC_ALL: 'C',
      LC_TIME: 'de',
      TZ: 'UTC',
      AWS_SECRET_ACCESS_KEY: 'secret',
      NODE_OPTIONS: '--inspect',
      LD_PRELOAD: '/evil.so',
      PATHS: 'x',
      XLC_A: 'x',
      path: 'x',
    };
    expect(environmentOf({}, 't', own)).toEqual({
      PATH: '/here',
      HOME: '/home/me',
      LC_ALL: 'C',
      LC_TIME: 'de',
      TZ: 'UTC',
      SLOTKEEPER_RUN_TAG: 't',
    });
  });

  test('having a PATH where this process has none', () => {
    expect(environmentOf({}, 't', {}).PATH).toContain('/usr/bin');
    expect(environmentOf({}, 't', { PATH: undefined }).PATH).toContain('/usr/bin');
  });

  test('taking what was asked for before what is inherited', () => {
    const environment = environmentOf({ PATH: '/mine', SECRET: 'asked' }, 't', { PATH: '/here' });
    expect(environment).toEqual({ PATH: '/mine', SECRET: 'asked', SLOTKEEPER_RUN_TAG: 't' });
  });

  test('keeping its tag, whatever was asked for or is there', () => {
    const other = { SLOTKEEPER_RUN_TAG: 'other' };
    expect(environmentOf(other, 't', other).SLOTKEEPER_RUN_TAG).toBe('t');
  });

  test('taking names that mean something to JavaScript as names', () => {
    const asked = JSON.parse('{"__proto__": "x", "constructor": "y"}');
    expect(Object.entries(environmentOf(asked, 't', {}))).toContainEqual(['__proto__', 'x']);
  });
});
