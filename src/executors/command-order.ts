/**
 * What is asked for as a command, checked, with every default.
 */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { SlotkeeperError } from '../fault.ts';
import type { CommandOrder } from './executor.ts';

/** An order with every default in it. */
export interface CompleteCommand {
  readonly cmd: readonly [program: string, ...args: string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | { readonly file: string } | null;
  readonly killGraceMs: number;
  readonly maxOutputBytes: number;
  readonly maxOutputLines: number;
}

/** Long enough for a program that writes its state, short enough for who waits for the slot. */
const DEFAULT_KILL_GRACE_MS = 5_000;
const DEFAULT_OUTPUT_BYTES = 16 * 1024 * 1024;
const DEFAULT_OUTPUT_LINES = 100_000;
/** Characters of what was got, in an error. */
const LONGEST_SHOWN = 200;

const NAMES = ['cmd', 'cwd', 'env', 'stdin', 'killGraceMs', 'maxOutputBytes', 'maxOutputLines'];

/** Checks an order and fills in its defaults. Throws `invalid_option`. */
export function completeCommand(order: CommandOrder): CompleteCommand {
  expect('order', order, isPlain(order), 'an object with cmd');
  for (const name of Object.keys(order)) {
    expect(name, Reflect.get(order, name), NAMES.includes(name), `one of ${NAMES.join(', ')}`);
  }
  const { cmd, cwd = process.cwd(), env = {}, stdin = null } = order;
  const { killGraceMs = DEFAULT_KILL_GRACE_MS, maxOutputBytes = DEFAULT_OUTPUT_BYTES } = order;
  const { maxOutputLines = DEFAULT_OUTPUT_LINES } = order;
  expect('cmd', cmd, isArgv(cmd), 'a program and its arguments: strings without NUL');
  const isThere = order.cwd === undefined || (isText(cwd) && cwd !== '' && isFolder(cwd));
  expect('cwd', cwd, isThere, 'a folder that is there');
  expect('env', env, isEnvironment(env), 'strings by names without = and NUL');
  expect('stdin', stdin, isInput(stdin), 'a text or { file }');
  expect('killGraceMs', killGraceMs, isAmount(killGraceMs), 'milliseconds, 0 or more');
  expect('maxOutputBytes', maxOutputBytes, isAmount(maxOutputBytes), 'bytes, 0 or more');
  expect('maxOutputLines', maxOutputLines, isAmount(maxOutputLines), 'lines, 0 or more');
  const limits = { killGraceMs, maxOutputBytes, maxOutputLines };
  const argv = [...cmd] as [string, ...string[]]; // checked
  return { cmd: argv, cwd: resolve(cwd), env: { ...env }, stdin: whole(stdin), ...limits };
}

/** Whoever opens it may be a process that stands elsewhere. */
function whole(stdin: CompleteCommand['stdin']): CompleteCommand['stdin'] {
  return typeof stdin === 'object' && stdin !== null ? { file: resolve(stdin.file) } : stdin;
}

function expect(option: string, value: unknown, isRight: boolean, expected: string): void {
  if (isRight) return;
  const text = `Option ${option} of a command must be ${expected}, got ${shown(value)}`;
  throw new SlotkeeperError('invalid_option', text, { option, value, expected });
}

/** JSON has no NaN and no Infinity, and throws for some of the rest. */
function shown(value: unknown): string {
  try {
    const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
    return (text ?? String(value)).slice(0, LONGEST_SHOWN);
  } catch {
    return typeof value;
  }
}

/** No array, no Map: what stands in those has other names. */
function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value);
}

/** The kernel ends a string at NUL. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function isArgv(value: unknown): boolean {
  // A copy has no holes, over which `every` would go.
  return Array.isArray(value) && value.length > 0 && [...value].every(isText) && value[0] !== '';
}

export function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false; // too long a name, or too many links
  }
}

function isEnvironment(value: unknown): boolean {
  if (!isPlain(value)) return false;
  return Object.entries(value as object).every(
    ([name, text]) => name !== '' && !name.includes('=') && isText(name) && isText(text),
  );
}

function isInput(value: unknown): boolean {
  if (value === null || typeof value === 'string') return true;
  const { file } = value as { file?: unknown };
  return isText(file) && file !== '' && Object.keys(value as object).length === 1;
}

function isAmount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
