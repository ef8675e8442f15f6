/**
 * The place of a host that a test plays itself.
 */
import { mkdirSync } from 'node:fs';
import { newSocketIn, placeOf } from '../../src/executors/host-place.ts';

/** Makes it, and says where to listen. */
export function makePlace(spoolDir: string): string {
  const place = placeOf(spoolDir);
  mkdirSync(place);
  return newSocketIn(place);
}
