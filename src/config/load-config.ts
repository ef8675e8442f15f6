/**
 * The effective configuration: flags above environment above file above defaults, each value with its origin.
 *
 * Every source is checked by itself, then what they make together. All faults are told at once. For `run`
 * the environment says nothing: its names are those of the daemon.
 */
import { expectNone } from './config-fault.ts';
import { readConfigFile } from './config-file.ts';
import { type ConfigCommand, defaultSpool } from './defaults.ts';
import type { Flags } from './flags.ts';
import { nearNotes } from './near-names.ts';
import { originsOf, stepsOf, withValue } from './origins.ts';
import { relationFaults } from './relations.ts';
import { type ReservedValue, reservedFaults, reservedNotes, reservedValues } from './reserved.ts';
import { type Config, schemas } from './schema.ts';
import { faultsOf } from './schema-faults.ts';
import { keysOf, pathOf } from './schema-walk.ts';
import { faultsOfGiven, type Given, givenByEnv, givenByFlags } from './text-layer.ts';

export interface ConfigSources {
  /** The path of a JSON file. */
  readonly file?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Flags;
  /** Whose defaults, and whether the environment counts. */
  readonly command: ConfigCommand;
}

/** Frozen, all of it. */
export interface EffectiveConfig {
  readonly values: Config;
  /** By path: `flag --max-runs`, `env QUEUE_TIMEOUT_MS`, `file slotkeeper.json`, `default`. */
  readonly origins: Readonly<Record<string, string>>;
  /** Names that are taken and have no effect yet. */
  readonly reserved: readonly ReservedValue[];
  /** What who started it should be told. */
  readonly notes: readonly string[];
}

/** Throws `invalid_config`, with every fault. */
export function loadConfig({ file, env, flags, command }: ConfigSources): EffectiveConfig {
  const schema = schemas[command];
  const keys = keysOf(schema);
  const heard = command === 'serve' ? env : {};
  // The later stands above the earlier.
  const given = [...givenByEnv(keys, heard), ...givenByFlags(keys, flags)];
  const content = file === undefined ? { value: {}, faults: [] } : readConfigFile(file);
  const label = `file ${file}`;
  expectNone([
    ...content.faults,
    ...faultsOf(schema, content.value, label),
    ...given.flatMap(faultsOfGiven),
    ...reservedFaults(heard),
  ]);
  const values = completed(schema.parse(given.reduce(withGiven, content.value)));
  const originOf = originsOf(given, content.value, label);
  expectNone(relationFaults(values, command, originOf));
  return frozen({
    values,
    origins: Object.fromEntries(stepsOf(values).map((way) => [pathOf(way), originOf(...way)])),
    reserved: reservedValues(heard),
    notes: [
      ...given.flatMap(({ note = [] }) => note),
      ...reservedNotes(heard),
      ...nearNotes(keys, heard),
    ],
  });
}

function withGiven(content: unknown, { key, value }: Given): unknown {
  return withValue(content, key.steps, value);
}

/** A default that depends on another value. */
function completed(values: Config): Config {
  return { ...values, spoolDir: values.spoolDir ?? defaultSpool(values.journal.path) };
}

function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
