/**
 * What may be asked for as a command: each field with good and bad input, and the defaults.
 */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { completeCommand } from '../../src/executors/command-order.ts';
import type { CommandOrder } from '../../src/executors/executor.ts';
import { freshFolder } from '../support/journal-places.ts';

/** An order with this field, whatever it is. */
function withField(field: string, value: unknown): CommandOrder {
  return { cmd: ['true'], [field]: value } as CommandOrder; // wrong on purpose, where it is
}

function refusal(order: CommandOrder): { code?: string; details?: { option?: string } } {
  try {
    completeCommand(order);
  } catch (error) {
    return error as { code?: string; details?: { option?: string } }; // looked at by `expect`
  }
  throw new Error('It was taken');
}

const CYCLE: Record<string, unknown> = {};
CYCLE.self = CYCLE;

describe('an order', () => {
  test('getting its defaults', () => {
    expect(completeCommand({ cmd: ['true'] })).toEqual({
      cmd: ['true'],
      cwd: process.cwd(),
      env: {},
      stdin: null,
      killGraceMs: 5_000,
      maxOutputBytes: 16 * 1024 * 1024,
      maxOutputLines: 100_000,
    });
  });

  test('being copied, so that nobody changes it later', () => {
    const cmd = ['echo', 'a'];
    const env = { A: '1' };
    const order = completeCommand({ cmd, env });
    cmd.push('b');
    env.A = '2';
    expect(order).toMatchObject({ cmd: ['echo', 'a'], env: { A: '1' } });
  });

  test('being plain data that a journal can keep', () => {
    const order = completeCommand({
      cmd: ['cat'],
      stdin: { file: '/dev/null' },
      env: { A: 'ä\n' },
    });
    expect(JSON.parse(JSON.stringify(order))).toEqual(order);
  });

  test.each([null, undefined, 1, 'ls', [], ['ls'], new Map([['cmd', ['ls']]])])(
    'being refused that is no order: %j',
    (order) => {
      expect(refusal(order as unknown as CommandOrder)).toMatchObject({ code: 'invalid_option' });
    },
  );

  test('being refused with a field that nobody knows', () => {
    const refused = refusal(withField('shell', true));
    expect(refused).toMatchObject({ code: 'invalid_option', details: { option: 'shell' } });
  });
});

describe('a field of an order', () => {
  test.each([
    ['cmd', ['printf', '%s', '', ' ', '"', "'", '$HOME', 'a\nb', 'ä€😀', '--', '-']],
    ['cwd', '/'],
    ['env', { A: '', 'with blank': 'x', lower: '$A', ä: '😀\n' }],
    ['stdin', ''],
    ['stdin', 'text\0with NUL'],
    ['stdin', { file: '/dev/null' }],
    ['stdin', null],
    ['killGraceMs', 0],
    ['killGraceMs', 86_400_000],
    ['maxOutputBytes', 0],
    ['maxOutputLines', 0],
  ])('being taken as %s: %j', (field, value) => {
    expect(completeCommand(withField(field, value))).toMatchObject({ [field]: value });
  });

  test.each([
    ['cmd', undefined],
    ['cmd', null],
    ['cmd', 'ls'],
    ['cmd', []],
    ['cmd', ['']],
    ['cmd', ['ls', 1]],
    ['cmd', ['ls', null]],
    ['cmd', ['ls', undefined]],
    // A hole, as a slip of the pen makes it.
    ['cmd', Object.assign(new Array(3), { 0: 'ls', 2: '-l' })],
    ['cmd', ['l\0s']],
    ['cmd', ['ls', '-\0']],
    ['cmd', { 0: 'ls', length: 1 }],
    ['cwd', ''],
    ['cwd', null],
    ['cwd', 1],
    ['cwd', '/nowhere/at/all'],
    ['cwd', '/dev/null'],
    ['cwd', '/dev/null/below'],
    ['cwd', '/\0'],
    ['cwd', '/x'.repeat(5_000)],
    ['env', null],
    ['env', 'A=1'],
    ['env', ['A=1']],
    ['env', new Map([['A', '1']])],
    ['env', { A: 1 }],
    ['env', { A: undefined }],
    ['env', { A: null }],
    ['env', { '': 'x' }],
    ['env', { 'A=B': 'x' }],
    ['env', { 'A\0': 'x' }],
    ['env', { A: '\0' }],
    ['stdin', 1],
    ['stdin', true],
    ['stdin', Buffer.from('x')],
    ['stdin', {}],
    ['stdin', { file: '' }],
    ['stdin', { file: 1 }],
    ['stdin', { file: '/\0' }],
    ['stdin', { file: '/dev/null', text: 'x' }],
    ['stdin', ['x']],
    ...['killGraceMs', 'maxOutputBytes', 'maxOutputLines'].flatMap((field) =>
      [-1, 0.5, Number.NaN, Infinity, 2 ** 60, '1', null, true, 1n, CYCLE].map(
        (value): [string, unknown] => [field, value],
      ),
    ),
  ])('being refused as %s: %o', (field, value) => {
    const refused = refusal(withField(field, value));
    expect(refused).toMatchObject({ code: 'invalid_option', details: { option: field } });
    expect(String(refused)).toContain(`Option ${field} of a command must be`);
  });

  test('being shown in the error, but not at any length', () => {
    expect(String(refusal(withField('killGraceMs', Number.NaN)))).toContain('got NaN');
    expect(String(refusal(withField('cwd', '/x'.repeat(5_000)))).length).toBeLessThan(400);
  });
});

describe('a place', () => {
  test('being whole, since whoever starts the command may stand elsewhere', () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'in'), '');
    const here = (path: string) => relative(process.cwd(), path);
    const order = { cmd: ['cat'], cwd: here(folder), stdin: { file: here(join(folder, 'in')) } };
    expect(completeCommand(order)).toMatchObject({
      cwd: folder,
      stdin: { file: join(folder, 'in') },
    });
  });

  test('being a folder through a link, but not through links in a circle', () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    symlinkSync(join(folder, 'circle'), join(folder, 'circle'));
    expect(completeCommand(withField('cwd', join(folder, 'link'))).cwd).toBe(join(folder, 'link'));
    expect(refusal(withField('cwd', join(folder, 'circle')))).toMatchObject({
      code: 'invalid_option',
    });
  });
});
