/**
 * Ways through a schema: to the keys that it has, and to what is said of a place in it.
 */
import { z } from 'zod';
import { type Kind, kinds, type Setting, settings } from './setting.ts';

/** A key of the configuration. */
export interface Key {
  /** As people write it: `limits.maxParallelRuns`, `tools.<id>.command`, `keys[].hash`. */
  readonly path: string;
  readonly steps: readonly string[];
  readonly schema: z.ZodType;
  readonly about: Setting;
  readonly kind: Kind | undefined;
  /** Without one it must be given, where its object is. */
  readonly standard?: unknown;
}

/** Steps that stand for any name, and for any index. */
export const ANY_ID = '<id>';
export const ANY_INDEX = '[]';

type Way = readonly string[];

/** Every key, those of tools and API keys included, in the order of the schema. */
export function keysOf(schema: z.ZodType, steps: Way = []): Key[] {
  const layers = layersOf(schema);
  const about = layers.map((layer) => settings.get(layer)).find((one) => one !== undefined);
  const inner = layers.at(-1) ?? schema;
  const below = childrenOf(inner).flatMap(([step, child]) => keysOf(child, [...steps, step]));
  if (!about) return below;
  const wrapped = layers.find((layer) => layer instanceof z.ZodDefault);
  const key = { path: pathOf(steps), steps, schema, about, kind: kindOf(layers) };
  return [wrapped ? { ...key, standard: wrapped.def.defaultValue } : key, ...below];
}

/** What is expected where these steps lead, or else of the nearest around it. */
export function expectedAt(schema: z.ZodType, steps: readonly PropertyKey[]): string {
  const ways = steps.map((_, index) => steps.slice(0, steps.length - index));
  const found = ways.map((way) => kindOf(layersAt(schema, way))).find((one) => one !== undefined);
  return found?.expected ?? 'an object';
}

/** The names that the object has to which these steps lead. */
export function namesAt(schema: z.ZodType, steps: readonly PropertyKey[]): string[] {
  const inner = layersAt(schema, steps).at(-1);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** What is expected of the names in the record to which these steps lead. */
export function nameKindAt(schema: z.ZodType, steps: readonly PropertyKey[]): Kind | undefined {
  const inner = layersAt(schema, steps).at(-1);
  return inner instanceof z.ZodRecord ? kinds.get(inner.keyType as z.ZodType) : undefined; // see layersOf
}

/** Whether something secret is there, or below. */
export function isSecretAt(schema: z.ZodType, steps: readonly PropertyKey[]): boolean {
  const [here] = layersAt(schema, steps);
  return here !== undefined && keysOf(here).some(({ about }) => about.isSecret);
}

function layersAt(schema: z.ZodType, steps: readonly PropertyKey[]): z.ZodType[] {
  let layers = layersOf(schema);
  for (const step of steps) {
    const child = childAt(layers.at(-1), String(step));
    layers = child ? layersOf(child) : [];
  }
  return layers;
}

/** `keys[0].hash`. */
export function pathOf(steps: readonly PropertyKey[]): string {
  return steps.reduce<string>((path, step) => {
    if (step === ANY_INDEX) return `${path}[]`;
    if (typeof step === 'number') return `${path}[${step}]`;
    return path === '' ? String(step) : `${path}.${String(step)}`;
  }, '');
}

/** The schema and what it wraps: defaults, `null`. */
function layersOf(schema: z.ZodType): z.ZodType[] {
  const isWrapper =
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable;
  // What zod unwraps has the type of its core, of which every schema of ours is a class.
  return isWrapper ? [schema, ...layersOf(schema.unwrap() as z.ZodType)] : [schema];
}

function kindOf(layers: readonly z.ZodType[]): Kind | undefined {
  return layers.map((layer) => kinds.get(layer)).find((one) => one !== undefined);
}

function childrenOf(schema: z.ZodType): [string, z.ZodType][] {
  if (kinds.has(schema)) return [];
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape);
  if (schema instanceof z.ZodRecord) return [[ANY_ID, schema.valueType as z.ZodType]]; // see layersOf
  if (schema instanceof z.ZodArray) return [[ANY_INDEX, schema.element as z.ZodType]];
  return [];
}

function childAt(schema: z.ZodType | undefined, step: string): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.ZodType>> = schema.shape;
    return Object.hasOwn(shape, step) ? shape[step] : catchallOf(schema);
  }
  return schema && childrenOf(schema)[0]?.[1];
}

/** Strict objects catch what is never right. */
function catchallOf(schema: z.ZodObject): z.ZodType | undefined {
  const { catchall } = schema.def;
  return catchall instanceof z.ZodNever ? undefined : (catchall as z.ZodType | undefined);
}
