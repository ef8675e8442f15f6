/**
 * A limiter with everything on its stage, one act upon it, and crashes at chosen points of what the act
 * brings about. What was seen by anybody is told as data, so that a play with crashes is compared with the
 * same play without.
 */
import { openStatusReader } from '../../src/index.ts';
import { type FaultPoints, recordEvents, SimulatedClock, settle } from '../../src/testing.ts';
import {
  type Attempt,
  ask,
  attempt,
  content,
  LIMITER_EVENTS,
  type Limiter,
  lossOf,
  PATIENT,
  type Slot,
  start,
  wait,
} from './callers.ts';

export type Moment = Parameters<FaultPoints['reach']>[0];
export type Step = Parameters<FaultPoints['reach']>[1];

export const MOMENTS: readonly Moment[] = ['before', 'after'];
export const STEPS: readonly Step[] = [
  'mailbox',
  'decide',
  'change',
  'journal',
  'publish',
  'reply',
  'emit',
];

/** Where the limiter has come by: the how-manieth point it is, and which. */
export interface Point {
  readonly index: number;
  readonly moment: Moment;
  readonly step: Step;
}

/** Crashes the limiter at the points that its plan says, from when it is armed until it is disarmed. */
export class Saboteur implements FaultPoints {
  readonly seen: Point[] = [];
  crashes = 0;
  /** Called before each crash. */
  onCrash: () => void = () => {};
  private readonly plan: (point: Point, crashes: number) => boolean;
  private isArmed = false;

  constructor(plan: (point: Point, crashes: number) => boolean = () => false) {
    this.plan = plan;
  }

  arm(): void {
    this.isArmed = true;
  }

  disarm(): void {
    this.isArmed = false;
  }

  reach(moment: Moment, step: Step): void {
    if (!this.isArmed) return;
    const point = { index: this.seen.length, moment, step };
    this.seen.push(point);
    if (!this.plan(point, this.crashes)) return;
    this.crashes += 1;
    this.onCrash();
    throw new Error(`crash ${this.crashes} ${moment} ${step}`);
  }
}

/** What an act can lay hands on. */
export interface Props {
  readonly limiter: Limiter;
  /** Aborts the signal of the waiter `aborting`. */
  readonly controller: AbortController;
}

/** Does something, or tells how many milliseconds are to pass. */
export type Act = (props: Props) => Promise<unknown> | number | undefined;

/**
 * The kinds of operation. On the stage: sessions s1, s2 held, s3 waits; runs a (s1), b (s2), c (s3) held;
 * waiting in s1: `first`, joined by another, `urgent` of a higher priority, `aborting`; in s2: `hasty`,
 * with a deadline of a second. One run per session, two sessions, seven runs.
 */
export const ACTS: Readonly<Record<string, Act>> = {
  'an acquire that is granted at once': ({ limiter }) => limiter.acquireRunSlot('s4', 'new'),
  'an acquire that is refused': ({ limiter }) => limiter.acquireRunSlot('s1', 'new'),
  'an acquire that waits': ({ limiter }) => limiter.acquireRunSlot('s2', 'new', PATIENT),
  'an acquire that joins a wait': ({ limiter }) => limiter.acquireRunSlot('s1', 'first', PATIENT),
  'an acquire of a run held': ({ limiter }) => limiter.acquireRunSlot('s1', 'a'),
  'an acquire of a session that waits': ({ limiter }) => limiter.acquireSessionSlot('s9', PATIENT),
  'a release that grants a waiter': ({ limiter }) => limiter.releaseRunSlot('a'),
  'a release that finds nothing': ({ limiter }) => limiter.releaseRunSlot('nobody'),
  'a release that withdraws a waiter': ({ limiter }) => limiter.releaseRunSlot('first'),
  'a session cascade': ({ limiter }) => limiter.releaseSessionSlot('s1'),
  'a change of limits that grants': ({ limiter }) => limiter.setLimits({ maxRunsPerSession: 2 }),
  'limits that are set back': ({ limiter }) => limiter.resetLimits({ by: 'alice' }),
  'a change of limits that lowers': ({ limiter }) => limiter.setLimits({ maxParallelRuns: 1 }),
  'a withdrawal by abort': ({ controller }) => void controller.abort('gave up'),
  'a wait deadline': () => 1_000,
};

const SESSIONS = ['s1', 's2', 's3', 's4', 's5', 's9'];
const RUNS = ['a', 'b', 'c', 'first', 'urgent', 'aborting', 'hasty', 'new', 'other', 'more'];

/** All that anybody has seen of a play. */
export interface Played {
  /** What the callers were told, the status, the signals, the events, what was held at the end. */
  readonly trace: unknown;
  readonly tokens: { readonly granted: readonly number[]; readonly ended: readonly number[] };
  readonly restarts: number;
}

/** Plays one act under a saboteur. */
export async function play(act: Act, saboteur: Saboteur): Promise<Played> {
  using recorder = recordEvents([...LIMITER_EVENTS]);
  const props = await setTheStage(saboteur);
  const { limiter } = props;
  try {
    const signals = props.held.map((slot) => slot.signal);
    saboteur.arm();
    const { passingMs, asked } = perform(act, props);
    const callers = { ...props.waiting, ...asked };
    await props.clock.advance(passingMs);
    await settle();
    saboteur.disarm();
    const status = limiter.getStatus();
    const page = content(openStatusReader(limiter.statusBuffer).read());
    const limits = limiter.getLimits();
    const told = Object.entries(callers).map(([name, caller]) => [name, toldTo(caller)]);
    const losses = props.held.map(lossOf);
    const aborts = signals.map(({ aborted }) => aborted);
    const reports = await clearTheStage(limiter);
    const { restarts } = status;
    const events = eventsBySlot(recorder.events);
    const grants = grantsIn(recorder.events);
    return {
      trace: {
        told,
        status: content(status),
        page,
        limits,
        losses,
        aborts,
        reports,
        events,
        grants,
      },
      tokens: tokensIn(recorder.events),
      restarts,
    };
  } finally {
    await limiter.stop();
  }
}

async function setTheStage(faultPoints: FaultPoints) {
  const clock = new SimulatedClock();
  const limiter = await start(
    { maxParallelSessions: 2, maxParallelRuns: 7, maxRunsPerSession: 1 },
    { clock, faultPoints, restartIntensity: { restarts: 1_000, withinMs: 5_000 } },
  );
  const controller = new AbortController();
  const held: Slot[] = [];
  for (const asked of [['s1'], ['s2'], ['s1', 'a'], ['s2', 'b'], ['s3', 'c']] as const) {
    held.push(await ask(limiter, asked));
  }
  const waiting = {
    session: wait(limiter, ['s3']),
    first: wait(limiter, ['s1', 'first']),
    joined: wait(limiter, ['s1', 'first', { priority: 9 }]),
    urgent: wait(limiter, ['s1', 'urgent', { priority: 1 }]),
    aborting: wait(limiter, ['s1', 'aborting', { signal: controller.signal }]),
    hasty: wait(limiter, ['s2', 'hasty', { waitTimeoutMs: 1_000 }]),
  };
  await settle();
  return { limiter, clock, controller, held, waiting };
}

/**
 * The act, and in the same tick what others ask, who must not notice. The release comes first: were it
 * behind the acquires it would overtake them while the limiter is down, by its lane.
 */
function perform(act: Act, props: Props) {
  const { limiter } = props;
  const released = attempt(limiter.releaseRunSlot('c'));
  const acted = act(props);
  const asked: Record<string, Attempt<unknown>> = {
    released,
    actor: attempt(typeof acted === 'number' ? Promise.resolve() : Promise.resolve(acted)),
    granted: attempt(limiter.acquireRunSlot('s5', 'other')),
    refused: attempt(limiter.acquireRunSlot('s1', 'more')),
    conflicting: attempt(limiter.acquireRunSlot('s2', 'a')),
  };
  return { asked, passingMs: typeof acted === 'number' ? acted : 0 };
}

/** Grants all that still waits, which shows its order in the events, and releases all that is held. */
async function clearTheStage(limiter: Limiter): Promise<unknown[]> {
  await limiter.setLimits({
    maxParallelSessions: Infinity,
    maxParallelRuns: Infinity,
    maxRunsPerSession: Infinity,
  });
  await settle();
  const reports: unknown[] = [];
  for (const id of RUNS) reports.push([id, await limiter.releaseRunSlot(id)]);
  for (const id of SESSIONS) reports.push([id, await limiter.releaseSessionSlot(id)]);
  return reports;
}

function toldTo({ outcome, value, error, settlements }: Attempt<unknown>): unknown {
  const { sessionId, runId } = (value ?? {}) as { sessionId?: unknown; runId?: unknown };
  const { limit, active } = (error ?? {}) as { limit?: unknown; active?: unknown };
  const answer = sessionId === undefined ? value : { sessionId, runId };
  return { outcome, answer, limit, active, settlements };
}

export interface AnyEvent {
  readonly type: string;
  readonly sessionId?: string;
  readonly runId?: string | undefined;
  readonly token?: number;
}

function idOf({ type, sessionId, runId }: AnyEvent): string {
  return sessionId === undefined ? type : `${sessionId}/${runId}`;
}

/** The events of each slot in their order; what tells of a restart, and tokens, left out. */
export function eventsBySlot(events: readonly AnyEvent[]): Record<string, unknown[]> {
  const bySlot: Record<string, unknown[]> = {};
  for (const event of events) {
    if (event.type === 'limiter_restarted') continue;
    const ofSlot = bySlot[idOf(event)] ?? [];
    bySlot[idOf(event)] = [...ofSlot, { ...event, token: undefined }];
  }
  return bySlot;
}

/** Who was granted, in the order of the grants. */
function grantsIn(events: readonly AnyEvent[]): string[] {
  return events.filter(({ type }) => type.endsWith('_granted')).map(idOf);
}

function tokensIn(events: readonly AnyEvent[]) {
  const tokens = (suffix: string): number[] =>
    events.filter(({ type }) => type.endsWith(suffix)).map(({ token }) => Number(token));
  return { granted: tokens('_granted'), ended: tokens('_ended') };
}
