/**
 * Environment variables that look like ours and are not: they have no effect, and who set them is told.
 *
 * The environment is everybody's, so an unknown name is no fault.
 */
import { distanceOf } from './nearest-name.ts';
import { RESERVED } from './reserved.ts';
import type { Key } from './schema-walk.ts';

/** Letters that may be wrong. */
const NEAR = 2;

export function nearNotes(keys: readonly Key[], env: NodeJS.ProcessEnv): string[] {
  const ours = [
    ...keys.flatMap(({ about }) => about.env ?? []),
    ...RESERVED.map(({ name }) => name),
  ];
  return Object.keys(env)
    .filter((name) => !ours.includes(name))
    .flatMap((name) => {
      const meant = ours.find((our) => isNear(name, our));
      return meant === undefined ? [] : [`${name} has no effect: did you mean ${meant}?`];
    });
}

function isNear(name: string, our: string): boolean {
  return Math.abs(name.length - our.length) <= NEAR && distanceOf(name.toUpperCase(), our) <= NEAR;
}
