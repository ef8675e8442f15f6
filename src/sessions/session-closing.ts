/**
 * Closing a session: a plan, which can be shown before anything is done, and a report of what was done,
 * step by step.
 *
 * In this order: who waits is taken out of the queue, so that none of them gets what the others give back;
 * its runs are stopped; what hangs on its id besides is released; and when the last run's work is gone,
 * its own slot is given back.
 */
import type { RunState } from './outcome.ts';
import type { RunCore } from './run-core.ts';
import type { CloseReason, SessionCore } from './session-core.ts';
import { stopOfRunsOf } from './stops.ts';

/** What is done when a session is closed. */
export type CloseStep =
  /** A run that waits leaves the queue. */
  | { readonly action: 'withdraw_run'; readonly runId: string }
  /** A run that waits is left to the next process. */
  | { readonly action: 'keep_run'; readonly runId: string }
  /** The work of a run is stopped; the step is done when the work is gone. */
  | { readonly action: 'stop_run'; readonly runId: string; readonly state: RunState }
  /** Slots and waits under its id that were acquired from the limiter directly. */
  | { readonly action: 'release_others'; readonly runIds: readonly string[] }
  /** Its own slot is given back. */
  | { readonly action: 'release_session' }
  /** It outlives its process, which ends. */
  | { readonly action: 'keep_session' };

export interface ClosePlan {
  readonly sessionId: string;
  readonly steps: readonly CloseStep[];
}

/** `pending`: not done when the report was made. */
export type CloseStepReport = CloseStep & {
  readonly result: 'done' | 'pending';
  /** How the run has ended. */
  readonly outcome?: RunState;
  /** Milliseconds from the beginning of the closing. */
  readonly afterMs?: number;
};

export interface CloseReport {
  readonly sessionId: string;
  readonly reason: CloseReason;
  /** Whether nothing of it is left. */
  readonly isComplete: boolean;
  readonly steps: readonly CloseStepReport[];
}

/** What closing it now would do. */
export function planOf(session: SessionCore, reason: CloseReason): ClosePlan {
  const kept = keptOf(session, reason);
  const steps: CloseStep[] = [
    ...runsOf(session, true).map((run) => {
      return { action: kept.has(run) ? 'keep_run' : 'withdraw_run', runId: run.id } as const;
    }),
    ...runsOf(session, false).map((run) => {
      return { action: 'stop_run', runId: run.id, state: run.state } as const;
    }),
  ];
  const runIds = othersOf(session);
  // With its runs it is kept itself; what hangs on its id besides ends with the limiter.
  if (runIds.length > 0 && kept.size === 0) steps.push({ action: 'release_others', runIds });
  if (kept.size > 0 || session.isLeftBehind(reason)) steps.push({ action: 'keep_session' });
  else if (session.hasSlot) steps.push({ action: 'release_session' });
  return { sessionId: session.id, steps };
}

/** A closing that goes on. */
export class Closing {
  private readonly session: SessionCore;
  private readonly reason: CloseReason;
  private readonly begunAt: number;
  private readonly steps: CloseStepReport[];
  private readonly kept: ReadonlySet<RunCore>;
  /** Whether all of it is done. */
  isComplete = false;

  constructor(session: SessionCore, reason: CloseReason) {
    this.session = session;
    this.reason = reason;
    this.begunAt = session.register.clock.monotonicNow();
    this.kept = keptOf(session, reason);
    this.steps = planOf(session, reason).steps.map((step) => ({ ...step, result: 'pending' }));
  }

  get report(): CloseReport {
    const { session, reason, isComplete, steps } = this;
    return { sessionId: session.id, reason, isComplete, steps: [...steps] };
  }

  /** Does all of it. Resolves when nothing is left. Never rejects: if the limiter is gone, so are its slots. */
  async carryOut(): Promise<void> {
    const { session, reason, kept } = this;
    const { limiter } = session.register;
    const stop = stopOfRunsOf(reason);
    for (const run of [...runsOf(session, true), ...runsOf(session, false)]) {
      run.whenOver.then(() => this.done((step) => 'runId' in step && step.runId === run.id, run));
      if (kept.has(run)) run.leave({ ...stop, note: WAITS_ON });
      else run.stop(stop);
    }
    if (kept.size === 0) await limiter.releaseSessionSlot(session.id).catch(() => {});
    this.done(({ action }) => action === 'release_others');
    await session.whenEmpty();
    if (kept.size === 0 && !session.isLeftBehind(reason)) await session.giveSlotBack();
    this.done(({ action }) => action === 'release_session' || action === 'keep_session');
    this.isComplete = true;
  }

  private done(isIt: (step: CloseStep) => boolean, run?: RunCore): void {
    const afterMs = Math.round(this.session.register.clock.monotonicNow() - this.begunAt);
    for (const [at, step] of this.steps.entries()) {
      if (!isIt(step)) continue;
      this.steps[at] = { ...step, result: 'done', afterMs, ...(run && { outcome: run.state }) };
    }
  }
}

const WAITS_ON = 'the keeper is stopped; it goes on waiting in the journal, for the next one';

/** Its runs that go on waiting for the next process. */
function keptOf({ register, runs }: SessionCore, reason: CloseReason): ReadonlySet<RunCore> {
  if (reason !== 'shutdown' || !register.keepsWaiting) return new Set();
  return new Set([...runs.values()].filter((run) => run.canBeLeft));
}

function runsOf(session: SessionCore, isQueued: boolean): RunCore[] {
  return [...session.runs.values()].filter((run) => (run.state === 'queued') === isQueued);
}

function othersOf(session: SessionCore): string[] {
  if (!session.hasRuns) return [];
  const rows = session.register.limiter.list({ sessionId: session.id });
  const others: string[] = [];
  for (const row of rows) {
    if (row.type === 'run' && !session.runs.has(row.runId)) others.push(row.runId);
  }
  return others;
}
