/**
 * The file of a configuration: read whole, as JSON, with what is wrong with it as faults.
 */
import { readFileSync } from 'node:fs';
import { type ConfigFault, shown } from './config-fault.ts';
import { parseJson } from './json-text.ts';

export interface ConfigFile {
  /** What stands in it; `{}` when it cannot be read. */
  readonly value: unknown;
  readonly faults: readonly ConfigFault[];
}

/** Editors of one system begin a file with it. */
const BYTE_ORDER_MARK = /^\uFEFF/;

export function readConfigFile(path: string): ConfigFile {
  const origin = `file ${path}`;
  const { text, fault } = textOf(path);
  if (text === undefined) return { value: {}, faults: [unreadable(origin, fault)] };
  const parsed = parseJson(text.replace(BYTE_ORDER_MARK, ''));
  if ('value' in parsed) return { value: parsed.value, faults: [] };
  const { line, column, expected } = parsed.fault;
  const place = `${origin}, line ${line}, column ${column}`;
  return { value: {}, faults: [{ key: '', origin: place, expected: `JSON: ${expected}` }] };
}

function textOf(path: string): { readonly text?: string; readonly fault?: unknown } {
  try {
    return { text: readFileSync(path, 'utf8') };
  } catch (fault) {
    return { fault };
  }
}

function unreadable(origin: string, fault: unknown): ConfigFault {
  const code = (fault as NodeJS.ErrnoException).code ?? 'unknown'; // of the file system
  const got = code === 'ENOENT' ? 'no such file' : shown(code);
  return { key: '', origin, expected: 'a file that can be read', got };
}
