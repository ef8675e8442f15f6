/**
 * What the environment and the flags say: texts, each for one key.
 *
 * Each is checked by itself, also where another one stands above it: a wrong value is never passed over.
 * An empty variable is one that is not set.
 */
import { type ConfigFault, shown } from './config-fault.ts';
import { type Flags, flags } from './flags.ts';
import type { Key } from './schema-walk.ts';

/** A value that a text gives to a key. */
export interface Given {
  readonly key: Key;
  readonly value: unknown;
  readonly origin: string;
  readonly text: string;
  /** What its reader should be told. */
  readonly note?: string;
}

const DIGITS = /^(0|[1-9]\d{0,15})$/;

export function givenByEnv(keys: readonly Key[], env: NodeJS.ProcessEnv): Given[] {
  return keys.flatMap((key) => {
    const { env: name = '' } = key.about;
    const text = env[name] ?? '';
    return name === '' || text === '' ? [] : [fromEnv(key, name, text)];
  });
}

export function givenByFlags(keys: readonly Key[], given: Flags): Given[] {
  return keys.flatMap((key) => {
    const { flag: name } = key.about;
    const text = name && given[name];
    if (!name || text === undefined) return [];
    return [{ key, value: valueIn(key, text), origin: `flag ${flags[name].option}`, text }];
  });
}

export function faultsOfGiven({ key, value, origin, text }: Given): ConfigFault[] {
  if (key.schema.safeParse(value).success) return [];
  return [{ key: key.path, origin, expected: key.kind?.expected ?? 'a value', got: shown(text) }];
}

/** In the environment 0 is how one of the systems before this one wrote that there is no limit. */
function fromEnv(key: Key, name: string, text: string): Given {
  const origin = `env ${name}`;
  const isUnlimited = key.kind?.isLimit === true && (text === '0' || text === 'infinity');
  if (!isUnlimited) return { key, value: valueIn(key, text), origin, text };
  return {
    key,
    value: 'infinity',
    origin,
    text,
    note: `${name}=${text}: ${key.path} is unlimited`,
  };
}

function valueIn({ kind }: Key, text: string): unknown {
  return !kind?.isText && DIGITS.test(text) ? Number(text) : text;
}
