/**
 * The tables of the guide to the configuration, from the schema itself.
 */
import { flags } from '../src/config/flags.ts';
import { RESERVED } from '../src/config/reserved.ts';
import { schemas } from '../src/config/schema.ts';
import { type Key, keysOf } from '../src/config/schema-walk.ts';
import { placed, tableOf } from './guide-tables.ts';

/** By the name that the guide marks their places with. */
const configurationTables: Readonly<Record<string, string>> = {
  keys: tableOf(
    ['Key', 'What it is for', 'Value', 'Default', 'Environment', 'Flag'],
    keysOf(schemas.serve).map(rowOf),
  ),
  run: tableOf(
    ['Key', 'Default of `run`'],
    keysOf(schemas.run).flatMap((key, index) => {
      const standard = standardOf(key);
      const ofServe = keysOf(schemas.serve)[index];
      return ofServe && standard === standardOf(ofServe) ? [] : [[`\`${key.path}\``, standard]];
    }),
  ),
  reserved: tableOf(
    ['Environment', 'What it will be for', 'Value', 'Default'],
    RESERVED.map(({ name, meaning, expected, standard }) => [
      `\`${name}\``,
      meaning,
      expected,
      `\`${standard}\``,
    ]),
  ),
};

/** `text` with each table between the comments that name it. */
export function withTables(text: string): string {
  return placed(text, configurationTables);
}

function rowOf(key: Key): string[] {
  const { env, flag, meaning } = key.about;
  const names = [env, flag && flags[flag].option];
  const value = key.kind?.expected ?? 'as below';
  return [`\`${key.path}\``, meaning, value, standardOf(key), ...names.map(codeOf)];
}

function codeOf(name: string | undefined): string {
  return name === undefined ? '' : `\`${name}\``;
}

/** What depends on the machine is said in words, for the guide is the same on all. */
function standardOf({ about, standard }: Key): string {
  if (about.standard !== undefined) return about.standard;
  if (standard === undefined) return 'must be given';
  return `\`${JSON.stringify(standard === Infinity ? 'infinity' : standard)}\``;
}
