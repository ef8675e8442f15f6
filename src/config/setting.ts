/**
 * What is said of a key of the configuration besides its schema: meaning, environment name, flag.
 *
 * Schemas are zod's. What is said stands in two registries beside them: `kinds` has what is expected of a
 * value, `settings` what a key is for. Faults, the table of `slotkeeper config` and the guide read them.
 */
import { z } from 'zod';
import type { Flags } from './flags.ts';

/** What is expected of a value, as the end of the sentence that begins with "expected". */
export interface Kind {
  readonly expected: string;
  /** In the environment `0` means unlimited, too. */
  readonly isLimit?: boolean;
  /** A text of the environment or a flag is the value, whatever digits it has. */
  readonly isText?: boolean;
}

export interface Setting {
  /** What it is for, with its unit. */
  readonly meaning: string;
  /** Its name in the environment of the daemon. */
  readonly env?: string;
  /** Its flag, on `serve` and on `run`. */
  readonly flag?: keyof Flags;
  /** Its default in words, where the value alone does not say it. */
  readonly standard?: string;
  /** Never shown. */
  readonly isSecret?: boolean;
}

export const kinds = z.registry<Kind>();
export const settings = z.registry<Setting>();

/** A sort of value. */
export function kind<Schema extends z.ZodType>(schema: Schema, expected: Kind): Schema {
  return note(kinds, schema, expected);
}

/** The same sort of value, or `null`. */
export function orNull<Schema extends z.ZodType>(schema: Schema): z.ZodNullable<Schema> {
  const { expected = 'an object', ...rest } = kinds.get(schema) ?? {};
  return kind(schema.nullable(), { ...rest, expected: `${expected} or null` });
}

/** A key with a default. */
export function setting<Schema extends z.ZodType>(
  schema: Schema,
  standard: NonNullable<z.output<Schema>> | null,
  about: Setting,
): z.ZodDefault<Schema> {
  // A nullable schema has null as its output, which NonNullable took away.
  const value = standard as Parameters<typeof z._default<Schema>>[1];
  return note(settings, z._default(schema, value), about);
}

/** A key that must be there, where its object is. */
export function required<Schema extends z.ZodType>(schema: Schema, about: Setting): Schema {
  return note(settings, schema.clone(), about);
}

function note<Schema extends z.ZodType, About>(
  registry: { add(schema: z.ZodType, about: About): unknown },
  schema: Schema,
  about: About,
): Schema {
  registry.add(schema, about);
  return schema;
}
