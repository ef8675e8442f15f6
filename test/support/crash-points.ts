/**
 * Plays that are played again with a crash at each point that they come by: nobody may see a difference.
 */
import { expect } from 'vitest';
import { settle } from '../../src/testing.ts';
import { Saboteur } from './crashes.ts';

/** For a limiter that is to live through all that its saboteur does. */
export const MANY_RESTARTS = { restarts: 1_000, withinMs: 5_000 };

/** Tells all that anybody has seen of it, but for tokens, which rise from play to play. */
export type Play<Trace> = (saboteur: Saboteur) => Promise<Trace>;

/** Lets the limiter crash in what `act` brings about, and waits until all of it has happened. */
export async function underFire<Result>(
  saboteur: Saboteur,
  act: () => Result,
): Promise<Awaited<Result>> {
  saboteur.arm();
  const result = await act();
  await settle();
  saboteur.disarm();
  return result;
}

/** What was seen without a crash, which is what was seen with crashes, and the points there were. */
export async function expectNoCrashSeen<Trace>(
  play: Play<Trace>,
): Promise<{ readonly trace: Trace; readonly points: number }> {
  const observer = new Saboteur();
  const trace = await play(observer);
  for (const point of observer.seen) {
    const saboteur = new Saboteur(({ index }) => index === point.index);
    const seen = await play(saboteur);
    expect({ point, crashes: saboteur.crashes, seen }).toEqual({ point, crashes: 1, seen: trace });
  }
  for (const stride of [2, 3, 5]) {
    const saboteur = new Saboteur(({ index }, crashes) => crashes < 20 && index % stride === 1);
    expect({ stride, seen: await play(saboteur) }).toEqual({ stride, seen: trace });
  }
  return { trace, points: observer.seen.length };
}
