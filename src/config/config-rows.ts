/**
 * Every effective value with its origin, to be shown. What is secret is not in it.
 */
import type { EffectiveConfig } from './load-config.ts';
import { stepsOf, valueAt } from './origins.ts';
import type { Config } from './schema.ts';
import { pathOf } from './schema-walk.ts';

export interface ConfigRow {
  readonly key: string;
  /** As it is written in a file. */
  readonly value: unknown;
  readonly origin: string;
}

export function configRows({ values, origins }: EffectiveConfig): ConfigRow[] {
  const open = withoutSecrets(values);
  return stepsOf(open).map((steps) => {
    const key = pathOf(steps);
    return { key, value: asWritten(valueAt(open, steps)), origin: origins[key] ?? 'default' };
  });
}

function withoutSecrets(values: Config): Config {
  return { ...values, keys: values.keys.map((key) => ({ ...key, hash: 'sha256:…' })) };
}

function asWritten(value: unknown): unknown {
  return value === Infinity ? 'infinity' : value;
}
