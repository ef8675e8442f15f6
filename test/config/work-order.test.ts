/**
 * What may stand in a work order, and what is said of what may not. Whatever the text, it is an order or is
 * refused with `bad_work_order`.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type WorkOrder, workOrderOf } from '../../src/config/work-order.ts';
import { SlotkeeperError } from '../../src/fault.ts';

/** Of the chances of this file. */
const SEED = 20_261_121;

const LEAST: WorkOrder = { cmd: ['true'] };
const WHOLE: Required<WorkOrder> = {
  session: 'builds',
  id: 'b1',
  cmd: ['make', '-j2', ''],
  cwd: '/tmp',
  env: { GREETING: 'good day', EMPTY: '' },
  stdin: 'a text',
  deadlineMs: 1.5,
  priority: -3,
  owner: 'ada',
  kind: 'build',
};

function refusalOf(line: string): SlotkeeperError {
  try {
    workOrderOf(line);
  } catch (error) {
    if (error instanceof SlotkeeperError) return error;
    throw error;
  }
  throw new Error(`It is taken for an order: ${line}`);
}

/** What is said of an order with this value under this key. */
function faultOf(key: string, value: unknown): string {
  return refusalOf(JSON.stringify({ ...LEAST, [key]: value })).message;
}

describe('a work order', () => {
  test('needing no more than a program', () => {
    expect(workOrderOf('{"cmd":["true"]}')).toEqual(LEAST);
  });

  test('having every key', () => {
    expect(workOrderOf(JSON.stringify(WHOLE))).toEqual(WHOLE);
  });

  test.each<[string, unknown]>([
    ['session', 'ü'.repeat(256)],
    ['id', 'with blanks, "quotes" and 🎛'],
    ['cmd', ['sh', '-c', 'line\nline', '', '\ttab']],
    ['cwd', 'relative/folder'],
    ['env', {}],
    ['env', { 'any name': 'a=b\nc' }],
    ['stdin', ''],
    ['stdin', 'with \0 and \ud83c\udf9b'],
    ['stdin', { file: 'input.txt' }],
    ['deadlineMs', 0.001],
    ['deadlineMs', Number.MAX_VALUE],
    ['priority', 0],
    ['priority', -Number.MAX_SAFE_INTEGER],
    ['owner', '10.0.0.1'],
    ['kind', 'k'],
  ])('having as its %s %j', (key, value) => {
    expect(workOrderOf(JSON.stringify({ ...LEAST, [key]: value }))).toEqual({
      ...LEAST,
      [key]: value,
    });
  });

  test.each<[string, unknown, string]>([
    ...['session', 'id', 'owner', 'kind'].flatMap((key) =>
      ['', 'i'.repeat(257), 'tab\t', 'nul\0', 'c1\u0085', 'half \ud83c', 7, null, []].map(
        (value): [string, unknown, string] => [key, value, 'a string of 1 to 256 characters'],
      ),
    ),
    ...[[], 'make', [''], [1], ['make', 1], ['a\0'], ['make', 'a\0'], {}, null].map(
      (value): [string, unknown, string] => ['cmd', value, 'an array of strings without NUL'],
    ),
    ...['', 'a\0', 1, null].map((value): [string, unknown, string] => [
      'cwd',
      value,
      'the path of a folder',
    ]),
    ...[{ 'a=b': '' }, { '': '' }, { 'a\0': '' }, { A: 1 }, { A: 'a\0' }, [], 'A=b', null].map(
      (value): [string, unknown, string] => ['env', value, 'an object of strings by names'],
    ),
    ...[1, [], {}, { file: '' }, { file: 'a\0' }, { file: 'a', mode: 'r' }, null].map(
      (value): [string, unknown, string] => ['stdin', value, 'a text, or { "file": path }'],
    ),
    ...[0, -1, '10', null, true].map((value): [string, unknown, string] => [
      'deadlineMs',
      value,
      'milliseconds above 0',
    ]),
    ...[1.5, '1', null, 2 ** 53].map((value): [string, unknown, string] => [
      'priority',
      value,
      'an integer',
    ]),
  ])('refusing as its %s %j', (key, value, expected) => {
    expect(faultOf(key, value)).toContain(`${key} must be `);
    expect(faultOf(key, value)).toContain(expected);
  });

  test('refusing an infinite deadline, which JSON can only write as too large a number', () => {
    expect(refusalOf('{"cmd":["true"],"deadlineMs":1e999}').message).toContain('deadlineMs must');
  });

  test.each(['Cmd', 'command', 'timeout', '', 'toString', '__proto__', 'constructor'])(
    'refusing the key %j that there is not, and naming all that there are',
    (key) => {
      const line = `{"cmd":["true"],${JSON.stringify(key)}:1}`;
      expect(refusalOf(line).message).toBe(
        `there is no ${key}: expected session, id, cmd, cwd, env, stdin, deadlineMs, priority, owner, kind`,
      );
    },
  );

  test.each([
    '',
    'make',
    '{',
    '{"cmd":["true"]} {}',
    "{'cmd':['true']}",
    '[',
    'undefined',
    '\ufeff{}',
  ])('refusing %j, which is no JSON', (line) => {
    expect(refusalOf(line).message).toMatch(/^it must be one JSON object on one line: /);
  });

  test.each(['null', '1', '"make"', '[]', '["make"]', 'true'])(
    'refusing %s, which is no object',
    (line) => {
      expect(refusalOf(line).message).toBe(`it must be a JSON object, got ${line}`);
    },
  );

  test('saying all that is wrong at once, each once', () => {
    const { message, details } = refusalOf('{"cmd":[1,2,3],"id":"","priority":"x","what":1}');
    expect(message.split('; ').length).toBe(4);
    expect(message.match(/cmd must be/g)?.length).toBe(1);
    expect(details).toHaveProperty('faults');
  });

  test('saying that cmd is missing', () => {
    expect(refusalOf('{}').message).toMatch(/^cmd must be .*, got nothing$/);
  });

  test('showing no more of what it got than can be read', () => {
    expect(faultOf('cmd', 'x'.repeat(10_000)).length).toBeLessThan(300);
  });

  test('refusing a line that no journal could keep, and saying what to do', () => {
    const line = JSON.stringify({ ...LEAST, stdin: 'x'.repeat(120_000) });
    expect(refusalOf(line).message).toContain('put what is long into a file');
    expect(workOrderOf(JSON.stringify({ ...LEAST, stdin: 'x'.repeat(119_000) }))).toBeTruthy();
  });
});

/** Either an order that says what the text says, or a refusal with its code. */
function isTakenOrRefused(line: string): boolean {
  try {
    return workOrderOf(line).cmd.length > 0;
  } catch (error) {
    return error instanceof SlotkeeperError && error.code === 'bad_work_order';
  }
}

describe('whatever the text', () => {
  const value = fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' }), fc.double());
  const keys = fc.oneof(fc.constantFrom(...Object.keys(WHOLE), '__proto__'), fc.string());

  test('taking it or refusing it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), isTakenOrRefused), { seed: SEED });
  });

  test('taking or refusing all JSON', () => {
    fc.assert(fc.property(fc.json(), isTakenOrRefused), { seed: SEED });
  });

  test('taking or refusing objects with its keys', () => {
    const order = fc.dictionary(keys, value);
    fc.assert(
      fc.property(order, (one) => isTakenOrRefused(JSON.stringify(one))),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('taking or refusing a good order in which a key is something else', () => {
    const changed = fc.tuple(fc.constantFrom(...Object.keys(WHOLE)), value);
    fc.assert(
      fc.property(changed, ([key, other]) =>
        isTakenOrRefused(JSON.stringify({ ...WHOLE, [key]: other })),
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('taking every program with its arguments as it is', () => {
    const text = fc.string({ unit: 'binary' }).map((one) => one.replaceAll('\0', ''));
    const cmd = fc.tuple(text.filter(Boolean), fc.array(text)).map(([one, rest]) => [one, ...rest]);
    const isTakenAsItIs = (one: string[]) => {
      expect(workOrderOf(JSON.stringify({ cmd: one }))).toEqual({ cmd: one });
    };
    fc.assert(fc.property(cmd, isTakenAsItIs), { seed: SEED });
  });
});
