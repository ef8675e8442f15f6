/**
 * What a schema finds wrong, said in our words.
 */
import type { z } from 'zod';
import { type ConfigFault, shown } from './config-fault.ts';
import { nearestName } from './nearest-name.ts';
import { valueAt } from './origins.ts';
import { expectedAt, isSecretAt, nameKindAt, namesAt, pathOf } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Every fault of a value that was read as a whole, such as a file's. */
export function faultsOf(schema: z.ZodType, value: unknown, origin: string): ConfigFault[] {
  const { error } = schema.safeParse(value);
  return (error?.issues ?? []).flatMap((issue) => faultsOfIssue(schema, value, issue, origin));
}

function faultsOfIssue(
  schema: z.ZodType,
  value: unknown,
  issue: Issue,
  origin: string,
): ConfigFault[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => unknownKey(schema, [...path, name], origin));
  }
  if (issue.code === 'invalid_key') return [invalidName(schema, issue, origin)];
  const expected = expectedAt(schema, path);
  const isSecret = isSecretAt(schema, path);
  const got = isSecret ? {} : { got: shown(valueAt(value, path)) };
  return [{ key: pathOf(path), origin, expected, ...got }];
}

/** `steps` end with the name that nobody knows. */
function unknownKey(schema: z.ZodType, steps: readonly PropertyKey[], origin: string): ConfigFault {
  const name = String(steps.at(-1));
  const around = steps.slice(0, -1);
  const names = namesAt(schema, around);
  const nearest = nearestName(name, names);
  const key = pathOf(steps);
  if (nearest === undefined) return { key, origin, expected: `one of ${names.join(', ')}` };
  return { key, origin, expected: `another key: did you mean ${pathOf([...around, nearest])}?` };
}

function invalidName(schema: z.ZodType, { path }: Issue, origin: string): ConfigFault {
  const record = path.slice(0, -1);
  const expected = nameKindAt(schema, record)?.expected ?? 'another name';
  return { key: pathOf(path), origin, expected, got: shown(path.at(-1)) };
}
