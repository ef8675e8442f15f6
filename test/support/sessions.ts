/**
 * Keepers, sessions and works, as the conformance suite of the sessions plays them.
 *
 * A keeper of a test runs on a clock that stands still. Whatever work a test begins, it can end.
 */
import { expect } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import {
  type LimiterOptions,
  type Limits,
  type Run,
  type RunContext,
  type RunOptions,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
} from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';
import { type Gate, gate } from './servers.ts';

/** A keeper with these limits on a clock that stands still, unless the options bring another. */
export function keep(
  limits: Partial<Limits> = {},
  options: Omit<LimiterOptions, 'limits'> = {},
): Promise<Slotkeeper> {
  return startSlotkeeper({ clock: new SimulatedClock(), ...options, limits });
}

/** A keeper and its clock. */
export async function keepOn(
  limits: Partial<Limits> = {},
  options: Omit<LimiterOptions, 'limits' | 'clock'> = {},
): Promise<{ readonly keeper: Slotkeeper; readonly clock: SimulatedClock }> {
  const clock = new SimulatedClock();
  return { keeper: await keep(limits, { ...options, clock }), clock };
}

/** Work that ends when the test says so, and does not look at its signal. */
export interface Stubborn extends Gate<unknown> {
  readonly work: (context: RunContext) => Promise<unknown>;
  /** What it was given, once it has begun. */
  context: RunContext | undefined;
}

export function stubborn(): Stubborn {
  const { opened, open, fail } = gate<unknown>();
  const it: Stubborn = {
    opened,
    open,
    fail,
    context: undefined,
    work: (context) => {
      it.context = context;
      return opened;
    },
  };
  return it;
}

/** Work that goes on until its signal aborts, and fails with the reason then. */
export function obedient({ signal }: RunContext): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Waits without a deadline. */
export const WAITING: RunOptions = { waitTimeoutMs: Infinity };

/** A run of obedient work under this id, which waits for its slot if it must. */
export function busy(session: Session, runId: string, options: RunOptions = {}): Promise<Run> {
  return session.run(obedient, { ...WAITING, ...options, runId });
}

/** How a run has ended, without its error. */
export async function endOfRun(run: Run): Promise<{ state: string; reason?: string }> {
  const outcome = await run.outcome;
  return 'reason' in outcome
    ? { state: outcome.state, reason: outcome.reason }
    : { state: outcome.state };
}

/** The counts that every test of sessions looks at. */
export function countsOf(keeper: Slotkeeper) {
  const { activeSessions, activeRuns, waitingSessions, waitingRuns } = keeper.getStatus();
  const { openSessions, stuckRuns } = keeper.getStatus();
  return { activeSessions, activeRuns, waitingSessions, waitingRuns, openSessions, stuckRuns };
}

export const NOBODY = {
  activeSessions: 0,
  activeRuns: 0,
  waitingSessions: 0,
  waitingRuns: 0,
  openSessions: 0,
  stuckRuns: 0,
};

/** A stopped keeper has left nothing: no slot, no session, no run, no timer that holds the process. */
export function expectNothingLeft(keeper: Slotkeeper, clock?: SimulatedClock): void {
  expect(countsOf(keeper)).toEqual(NOBODY);
  expect([...keeper.sessions()]).toEqual([]);
  if (clock) expect(clock.pendingTimers).toBe(0);
}

/** Lets the actors of sessions and runs crash from outside, by what no machine can take. */
export class ActorCrashes {
  private readonly actors: AnyActorRef[] = [];

  /** For the option `inspect`. */
  readonly inspect = (event: InspectionEvent): void => {
    if (event.type === '@xstate.actor') this.actors.push(event.actorRef as AnyActorRef); // the root's too
  };

  crashRun(runId: string): void {
    const coreOf = (actor: AnyActorRef) => actor.getSnapshot().context?.core;
    this.crash(this.actors.filter((actor) => coreOf(actor)?.runId === runId));
  }

  /** The session that was opened last. */
  crashSession(): void {
    this.crash(this.actors.filter((actor) => actor.getSnapshot().machine?.id === 'session'));
  }

  private crash(actors: readonly AnyActorRef[]): void {
    const wrong = null as unknown as { type: string }; // wrong on purpose
    const actor = actors.at(-1);
    if (actor?.getSnapshot().status === 'active') actor.send(wrong);
  }
}
