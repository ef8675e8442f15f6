/**
 * Where each effective value comes from.
 */
import type { Given } from './text-layer.ts';

/** Of the value to which these steps lead. */
export type OriginOf = (...steps: readonly string[]) => string;

/** `content`: what stands in the file, which is called `label`. */
export function originsOf(given: readonly Given[], content: unknown, label: string): OriginOf {
  return (...steps) => {
    // The last one stands above the others.
    const last = given.findLast(({ key }) => key.steps.join('\0') === steps.join('\0'));
    if (last) return last.origin;
    return has(content, steps) ? label : 'default';
  };
}

/** The steps to every value that has no values inside; an array is one value. */
export function stepsOf(value: unknown, around: readonly string[] = []): (readonly string[])[] {
  const entries = isPlain(value) ? Object.entries(value) : [];
  if (entries.length === 0) return [around];
  return entries.flatMap(([step, inner]) => stepsOf(inner, [...around, step]));
}

/** The value at the end of these steps. */
export function valueAt(value: unknown, steps: readonly PropertyKey[]): unknown {
  return steps.reduce((here: unknown, step) => {
    const isInside = typeof here === 'object' && here !== null;
    return isInside ? Reflect.get(here, step) : undefined;
  }, value);
}

/** `whole` with this value at the end of these steps. */
export function withValue(whole: unknown, steps: readonly string[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  const around = isPlain(whole) ? whole : {};
  return { ...around, [step]: withValue(around[step], rest, value) };
}

function has(content: unknown, [step, ...rest]: readonly string[]): boolean {
  if (step === undefined) return true;
  if (!isPlain(content) || !Object.hasOwn(content, step)) return false;
  return has(content[step], rest);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
