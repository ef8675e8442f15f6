import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/index.ts';
import { distanceOf, nearestName } from '../../src/config/nearest-name.ts';
import { RESERVED } from '../../src/config/reserved.ts';
import { schemas } from '../../src/config/schema.ts';
import { keysOf } from '../../src/config/schema-walk.ts';
import { faultsIn, fileWith, loadedFrom, nested } from '../support/config-files.ts';

const NUMBERS = [-1, 1.5, '10', true, [], {}, '1 ', 'Infinity', 2 ** 53];
const TEXTS = [7, true, [], {}, '\0'];
const ARRAYS = ['a', 7, {}, [7], null];

/** For every key what cannot be its value, besides what no key takes. */
const WRONG: Readonly<Record<string, readonly unknown[]>> = {
  'listen.host': [...TEXTS, null, '', 'a b', 'http://a', 'a:80', '1.2.3', '999.1.1.1', '*'],
  'listen.port': [...NUMBERS, null, 65_536, 'infinity'],
  allowedHosts: [...ARRAYS, ['a b'], ['a:70000'], ['http://a'], ['[1]'], ['']],
  allowedOrigins: [...ARRAYS, ['*'], ['slots.example'], ['https://a/b'], ['https://a/']],
  trustProxy: [true, 0, -1, 'loopback', [], ['a'], ['10.0.0.0/33'], ['10.0.0.0/8/8'], null],
  'journal.path': [...TEXTS, '', ':memory:'],
  'journal.durability': ['Process', '', null, 1],
  fairness: ['fifo', '', null, 1],
  'exec.enabled': ['true', 1, 0, null],
  agent: [
    'claude',
    [],
    {},
    { command: '' },
    { command: 'a', args: 'b' },
    { command: 'a', arg: [] },
  ],
  'agent.command': [7, '', null, 'a\0'],
  'agent.args': ARRAYS,
  tools: ['a', [], null, { 'a b': { command: 'a' } }, { '': { command: 'a' } }, { a: {} }],
  keys: ['a', {}, null, ['secret'], [{}]],
  rate: [7, [], false, { max: 0 }, { window: 1 }],
  'rate.max': [...NUMBERS, 0, null, 'infinity'],
  'rate.windowMs': [...NUMBERS, 0, null, 'infinity'],
  queueTimeoutMs: [...NUMBERS, null],
  orphans: ['keep', null, true],
  'retention.maxAgeMs': [...NUMBERS, null],
  'retention.maxCount': [...NUMBERS, null, 'infinity'],
  spoolDir: [...TEXTS, '', ':memory:'],
  drainTimeoutMs: [...NUMBERS, null, 'infinity'],
  'sessions.idleTimeoutMs': [...NUMBERS, 0, null],
  'sessions.maxLifetimeMs': [...NUMBERS, 0, null],
};
const WRONG_LIMITS = [...NUMBERS, 0, 2 ** 31, null];

/** `agent.args` is wrong by itself, with a right `agent.command` beside it. */
const BESIDE: Readonly<Record<string, object>> = { 'agent.args': { command: 'a' } };

const keys = keysOf(schemas.serve).filter(({ path }) => !/^(tools|keys)[.[]/.test(path));
const pairs = keys.flatMap((key) =>
  (key.path.startsWith('limits.') ? WRONG_LIMITS : (WRONG[key.path] ?? [])).map((value) => ({
    key,
    path: key.path,
    value,
  })),
);

describe('a wrong value', () => {
  test('being tried for every key', () => {
    expect([...new Set(pairs.map(({ path }) => path))]).toEqual(keys.map(({ path }) => path));
  });

  test.each(pairs)('$value of $path in the file being refused', ({ key, value }) => {
    const { steps } = key;
    const beside = BESIDE[key.path];
    const content = beside
      ? nested(steps.slice(0, -1), { ...beside, [steps.at(-1) ?? '']: value })
      : nested(steps, value);
    const [fault, ...rest] = faultsIn(() => loadedFrom(content));
    expect(fault?.key).toContain(key.path);
    expect(fault?.origin).toMatch(/^file .*slotkeeper\.json$/);
    expect(fault?.expected).toBeTruthy();
    expect(rest.length).toBeLessThan(4);
  });

  test.each(keys.filter(({ about }) => about.env))(
    'of $path in the environment being refused',
    (key) => {
      const name = key.about.env ?? '';
      for (const text of [
        'abc',
        '2abc',
        '-1',
        '1.5',
        ' 2',
        '02',
        '1e3',
        'Infinity',
        '9'.repeat(40),
      ]) {
        const faults = faultsIn(() => loadedFrom({}, { env: { [name]: text } }));
        expect(faults).toEqual([
          { key: key.path, origin: `env ${name}`, expected: key.kind?.expected, got: `"${text}"` },
        ]);
      }
    },
  );

  test.each(['maxSessions', 'maxRuns', 'maxRunsPerSession'] as const)(
    'of the flag %s being refused',
    (flag) => {
      for (const text of ['0', '', '-1', 'two', '2147483648']) {
        const [fault] = faultsIn(() => loadedFrom({}, { flags: { [flag]: text }, command: 'run' }));
        expect(fault).toMatchObject({
          origin: expect.stringMatching(/^flag --max-/),
          got: `"${text}"`,
        });
      }
      expect(faultsIn(() => loadedFrom({}, { flags: { journal: '' } }))).toHaveLength(1);
    },
  );

  test.each(RESERVED)('of the reserved $name being refused', ({ name, expected }) => {
    const faults = faultsIn(() => loadedFrom({}, { env: { [name]: 'lots' } }));
    expect(faults).toEqual([{ key: name, origin: `env ${name}`, expected, got: '"lots"' }]);
  });

  test('being refused also where another one stands above it', () => {
    const content = { limits: { maxRunsPerSession: 0 } };
    const sources = {
      env: { MAX_CONCURRENT_EXECS_PER_SESSION: 'x' },
      flags: { maxRunsPerSession: '3' },
    };
    const faults = faultsIn(() => loadedFrom(content, sources));
    expect(faults.map(({ origin }) => origin)).toEqual([
      expect.stringMatching(/^file /),
      'env MAX_CONCURRENT_EXECS_PER_SESSION',
    ]);
  });

  test('being told with all others at once', () => {
    const load = () => loadedFrom({ fairness: 'x', listn: {} }, { flags: { maxRuns: 'y' } });
    expect(load).toThrow(
      /^The configuration has 3 faults:\n {2}fairness .+\n {2}listn .+\n {2}limits.maxParallelRuns \(flag --max-runs\): expected a positive integer up to 2147483647 or "infinity", got "y"$/,
    );
  });

  test('never being shown where it may be a secret', () => {
    const secret = 'sk-1234567890';
    const right = { id: 'a', owner: 'b', scopes: [] };
    for (const content of [
      { keys: secret },
      { keys: [secret] },
      { keys: [{ ...right, hash: secret }] },
      { keys: { a: secret } },
    ]) {
      const faults = faultsIn(() => loadedFrom(content));
      expect(faults.length).toBeGreaterThan(0);
      expect(JSON.stringify(faults)).not.toContain(secret);
    }
  });
});

describe('whatever a file holds', () => {
  test('being taken or refused with faults that have a key and an origin', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (content) => {
        for (const { key, origin, expected } of faultsIn(() => loadedFrom(content))) {
          expect(typeof key).toBe('string');
          expect(origin).toMatch(/^file /);
          expect(expected).toBeTruthy();
        }
      }),
      { numRuns: 200 },
    );
  });

  test('being refused or standing in the values, at every key', () => {
    const path = fc.constantFrom(...keys);
    // A member of that name is a fault of the file, at no key.
    const namedValue = fc
      .jsonValue({ maxDepth: 2 })
      .filter((value) => !JSON.stringify(value).includes('"__proto__"'));
    fc.assert(
      fc.property(path, namedValue, ({ steps, path: key }, value) => {
        const faults = faultsIn(() => {
          const { origins } = loadedFrom(nested(steps, value));
          const beginning = Object.keys(origins).filter((one) => one.startsWith(key));
          expect(beginning.length).toBeGreaterThan(0);
        });
        for (const fault of faults) expect(fault.key).toContain(steps[0]);
      }),
      { numRuns: 300 },
    );
  });

  test('being refused when it is no object', () => {
    for (const content of [[], null, 7, 'a']) {
      const faults = faultsIn(() => loadedFrom(content));
      expect(faults).toEqual([expect.objectContaining({ key: '', expected: 'an object' })]);
    }
  });
});

describe('an unknown key', () => {
  test.each([
    [{ limts: {} }, 'limts', 'limits'],
    [{ limits: { maxParalelRuns: 1 } }, 'limits.maxParalelRuns', 'limits.maxParallelRuns'],
    [{ listen: { Port: 1 } }, 'listen.Port', 'listen.port'],
    [{ tools: { a: { command: 'a', timeout: 1 } } }, 'tools.a.timeout', 'tools.a.timeoutMs'],
    [{ queueTimeout: 1 }, 'queueTimeout', 'queueTimeoutMs'],
  ])('of %j being told with the nearest right one', (content, key, nearest) => {
    expect(faultsIn(() => loadedFrom(content))).toEqual([
      { key, origin: expect.any(String), expected: `another key: did you mean ${nearest}?` },
    ]);
  });

  test('being told with all right ones where none is near', () => {
    const [fault] = faultsIn(() => loadedFrom({ exec: { xyzzy: 1 } }));
    expect(fault).toMatchObject({ key: 'exec.xyzzy', expected: 'one of enabled' });
  });

  test('being told by name alone, whatever stands in it', () => {
    expect(JSON.stringify(faultsIn(() => loadedFrom({ hash: 'secret' })))).not.toContain('secret');
  });
});

describe('distanceOf', () => {
  test('counting letters to put in, take out or replace', () => {
    expect(distanceOf('kitten', 'sitting')).toBe(3);
    expect(distanceOf('', 'abc')).toBe(3);
    expect(distanceOf('abc', '')).toBe(3);
  });

  test('being a distance', () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, word, word, (one, two, three) => {
        expect(distanceOf(one, one)).toBe(0);
        expect(distanceOf(one, two)).toBe(distanceOf(two, one));
        expect(distanceOf(one, three)).toBeLessThanOrEqual(
          distanceOf(one, two) + distanceOf(two, three),
        );
      }),
    );
  });

  test('leaving alone what is far from everything', () => {
    expect(nearestName('zzz', ['limits', 'listen'])).toBe(undefined);
  });
});

describe('what does not fit together', () => {
  const key = { id: 'a', hash: `sha256:${'0'.repeat(64)}`, owner: 'a', scopes: [] };

  test.each(['0.0.0.0', '::', '192.168.0.1', 'slots.example'])('being %s without keys', (host) => {
    const [fault] = faultsIn(() => loadedFrom({ listen: { host } }));
    expect(fault).toMatchObject({ key: 'listen.host', got: `"${host}"` });
    expect(fault?.expected).toContain('keys: without any, everyone may do all');
    expect(loadedFrom({ listen: { host }, keys: [key] }).values.listen.host).toBe(host);
  });

  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LocalHost'])('not being %s', (host) => {
    expect(loadedFrom({ listen: { host } }).values.listen.host).toBe(host);
  });

  test('being no matter of who does not listen', () => {
    const content = { listen: { host: '0.0.0.0' } };
    expect(faultsIn(() => loadedFrom(content, { command: 'run' }))).toEqual([]);
  });

  test('being two keys of one id, or of one hash, which is not shown', () => {
    const other = { ...key, hash: `sha256:${'1'.repeat(64)}` };
    expect(faultsIn(() => loadedFrom({ keys: [key, other] }))).toMatchObject([
      { key: 'keys[1].id', expected: 'another id than that of keys[0]', got: '"a"' },
    ]);
    const twins = faultsIn(() => loadedFrom({ keys: [key, { ...key, id: 'b' }] }));
    expect(twins).toMatchObject([{ key: 'keys[1].hash' }]);
    expect(JSON.stringify(twins)).not.toContain('sha256');
  });

  test('being a spool where the journal is', () => {
    const [fault] = faultsIn(() => loadedFrom({ journal: { path: 'a' }, spoolDir: 'a' }));
    expect(fault).toMatchObject({ key: 'spoolDir' });
  });

  test('being a kind that is no id', () => {
    for (const kind of ['', '\n', 'x'.repeat(257), '\ud800']) {
      const limits = { maxRunsPerKind: { [kind]: 1 } };
      expect(faultsIn(() => loadedFrom({ limits }))).toHaveLength(1);
    }
  });
});

describe('a file', () => {
  const faultOf = (text: string) => faultsIn(() => load(fileWith(text)))[0];
  const load = (file: string) => loadConfig({ file, env: {}, flags: {}, command: 'serve' });

  test('that is not there being told of', () => {
    expect(faultsIn(() => load('/no/such.json'))).toEqual([
      {
        key: '',
        origin: 'file /no/such.json',
        expected: 'a file that can be read',
        got: 'no such file',
      },
    ]);
  });

  test('that is a folder being told of', () => {
    expect(faultsIn(() => load('/tmp'))).toMatchObject([{ got: '"EISDIR"' }]);
  });

  test('that begins as some editors begin it being read', () => {
    expect(load(fileWith('\ufeff{"fairness": "owner"}')).values.fairness).toBe('owner');
  });

  test.each([
    ['', 1, 1, 'a value'],
    ['{', 1, 2, 'a name in double quotes'],
    ['{"a" 1}', 1, 6, '":"'],
    ['{\n  "a": 1,\n}', 3, 1, 'a name in double quotes'],
    ['{"a": 1 "b"', 1, 9, '"," or "}"'],
    ['[1 2]', 1, 4, '"," or "]"'],
    ['{} {}', 1, 4, 'the end of the file'],
    ['{\n "a": 01}', 2, 7, 'a value'],
    ['{"a": truely}', 1, 7, 'a value'],
    ["{'a': 1}", 1, 2, 'a name in double quotes'],
    ['{"a": "\n"}', 1, 7, 'a string without control characters and wrong escapes'],
    ['{"a": "\\x"}', 1, 7, 'a string without control characters and wrong escapes'],
    ['{"a": 1, "a": 2}', 1, 10, 'another name: "a" was there before'],
    ['{"__proto__": {}}', 1, 2, 'another name than "__proto__"'],
    ['['.repeat(200), 1, 102, 'at most 100 levels'],
  ])('with %j in it being told of with line and column', (text, line, column, expected) => {
    const fault = faultOf(text);
    expect(fault?.expected).toBe(`JSON: ${expected}`);
    expect(fault?.origin).toMatch(new RegExp(`, line ${line}, column ${column}$`));
  });
});
