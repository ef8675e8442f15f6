/**
 * Random histories of the slot tables: what can be asked of them, done as the limiter does it, and
 * looked at from outside.
 */
import fc from 'fast-check';
import { decideRun, decideSession } from '../../src/slots/decisions.ts';
import type { RunEntry, SessionEntry } from '../../src/slots/entries.ts';
import { DEFAULT_LIMITS, type LimitChanges, withLimits } from '../../src/slots/limits.ts';
import type { Fairness } from '../../src/slots/rounds.ts';
import { RunIds } from '../../src/slots/run-ids.ts';
import { SlotTables } from '../../src/slots/slot-tables.ts';
import type { Waiter } from '../../src/slots/waiter.ts';

export type Step =
  | {
      readonly type: 'acquire_run';
      readonly sessionId: string;
      readonly runId: string;
      readonly owner: string | undefined;
      readonly kind: string | undefined;
      readonly priority: number;
      readonly canWait: boolean;
    }
  | {
      readonly type: 'acquire_session';
      readonly sessionId: string;
      readonly owner: string | undefined;
      readonly priority: number;
      readonly canWait: boolean;
    }
  | { readonly type: 'release_run'; readonly runId: string }
  | { readonly type: 'release_session'; readonly sessionId: string }
  | { readonly type: 'set_limits'; readonly changes: LimitChanges };

const limit = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(Infinity));
const sessionId = fc.constantFrom('s1', 's2', 's3', 's4');
const RUN_IDS = new RunIds('made-');
/** Half of them of the tables' own making. */
const runId = fc
  .tuple(fc.constantFrom('r', 'made-'), fc.integer({ min: 1, max: 7 }))
  .map(([prefix, number]) => `${prefix}${number}`);
const owner = fc.constantFrom(undefined, 'ann', 'bob', 'cem');
const kind = fc.constantFrom(undefined, 'agent', 'tool');
const priority = fc.constantFrom(0, 0, 0, 1, -1);
const canWait = fc.constantFrom(true, true, true, false);

export const fairness = fc.constantFrom<Fairness>('arrival', 'session', 'owner');

export const limits: fc.Arbitrary<LimitChanges> = fc.record(
  {
    maxParallelSessions: limit,
    maxParallelRuns: limit,
    maxRunsPerSession: limit,
    maxSessionsPerOwner: limit,
    maxRunsPerOwner: limit,
    maxJobsPerOwner: fc.oneof(fc.integer({ min: 2, max: 6 }), fc.constant(Infinity)),
    maxRunsPerKind: fc.record({ agent: limit, tool: limit }, { requiredKeys: [] }),
    maxWaiters: fc.integer({ min: 1, max: 12 }),
  },
  { requiredKeys: [] },
);

const acquireRun = fc.record({
  type: fc.constant('acquire_run' as const),
  sessionId,
  runId,
  owner,
  kind,
  priority,
  canWait,
});
const acquireSession = fc.record({
  type: fc.constant('acquire_session' as const),
  sessionId,
  owner,
  priority,
  canWait,
});

export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: acquireRun },
  { weight: 3, arbitrary: acquireSession },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('release_run' as const), runId }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('release_session' as const), sessionId }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('set_limits' as const), changes: limits }),
  },
);

/** Tables that are driven as the limiter drives them. */
export class DrivenTables {
  readonly tables: SlotTables;
  /** Ids in the order in which they were granted. */
  readonly grants: string[] = [];
  private token = 0;
  /** Who takes turns, next first. */
  private turns: unknown[] = [];
  private savedTurns: unknown[] = [];

  constructor(changes: LimitChanges, fairness: Fairness = 'arrival') {
    this.tables = new SlotTables(withLimits(DEFAULT_LIMITS, changes), RUN_IDS, fairness);
  }

  /** What comes from now on is a batch. */
  beginBatch(): void {
    this.tables.undo.clear();
    this.savedTurns = [...this.turns];
  }

  takeBatchBack(): void {
    this.tables.undo.rollBack();
    this.turns = this.savedTurns;
  }

  /** One message, with the grants that it leads to. */
  do(step: Step): void {
    this.change(step);
    this.listTurns();
    this.grantWaiters();
  }

  private keyOf({ session, owner }: RunEntry): unknown {
    if (this.tables.fairness === 'arrival') return undefined;
    return this.tables.fairness === 'session' ? session.id : (owner?.id ?? null);
  }

  /** Who has begun to wait comes last; who waits no more has no turn. */
  private listTurns(): void {
    const waiting = [...this.tables.runs].filter((run) => run.isWaiting);
    const keys = new Set(waiting.map((run) => this.keyOf(run)));
    this.turns = [...new Set([...this.turns, ...keys])].filter((key) => keys.has(key));
  }

  private change(step: Step): void {
    const { tables } = this;
    switch (step.type) {
      case 'acquire_run': {
        const request = { ...step, runKey: RUN_IDS.keyOf(step.runId), labels: undefined };
        const decision = decideRun(tables, request);
        if (decision.type === 'grant') this.granted(tables.holdRun(request, this.nextToken(), 0));
        else if (decision.type === 'wait') tables.queueRun(request, 0);
        break;
      }
      case 'acquire_session': {
        const request = { ...step, labels: undefined };
        const decision = decideSession(tables, request);
        if (decision.type === 'grant') {
          this.granted(tables.holdSession(request, this.nextToken(), 0));
        } else if (decision.type === 'wait') tables.queueSession(request, 0);
        break;
      }
      case 'release_run':
        this.endRun(tables.runs.get(RUN_IDS.keyOf(step.runId)));
        break;
      case 'release_session':
        this.endSession(tables.sessions.get(step.sessionId));
        break;
      case 'set_limits':
        tables.changeLimits(step.changes);
    }
  }

  private endRun(run: RunEntry | undefined): void {
    if (run?.isHeld) this.tables.endRun(run, 'released');
    else if (run) this.tables.withdrawRun(run);
  }

  private endSession(session: SessionEntry | undefined): void {
    if (!session) return;
    for (const run of session.runs()) this.endRun(run);
    if (session.isWaiting) this.tables.withdrawSession(session);
    if (session.isHeld) this.tables.endSession(session, 'released');
  }

  private grantWaiters(): void {
    const { tables } = this;
    for (let session = tables.nextSession(); session; session = tables.nextSession()) {
      tables.grantSession(session, this.nextToken(), 0);
      this.granted(session);
    }
    for (let run = tables.nextRun(); run; run = tables.nextRun()) {
      if (run !== this.firstByHand()) throw new Error(`${run.id} was granted out of turn`);
      tables.grantRun(run, this.nextToken(), 0);
      this.granted(run);
      this.turns = [...this.turns.filter((key) => key !== this.keyOf(run)), this.keyOf(run)];
      this.listTurns();
    }
  }

  /** The first run that no limit blocks, found by looking at every one. */
  private firstByHand(): RunEntry | undefined {
    const free = [...this.tables.runs].filter(
      ({ waiter, session, owner, kind }) =>
        waiter && !session.gate.isFull && !owner?.runs.isFull && !kind?.gate.isFull,
    );
    const turnOf = (run: RunEntry): number => this.turns.indexOf(this.keyOf(run));
    return free.sort(
      (one, other) => turnOf(one) - turnOf(other) || order(one.waiter, other.waiter),
    )[0];
  }

  private granted(entry: RunEntry | SessionEntry): void {
    this.grants.push(entry.id);
  }

  private nextToken(): number {
    this.token += 1;
    return this.token;
  }
}

function order(one: Waiter | undefined, other: Waiter | undefined): number {
  if (!one || !other) return 0;
  return other.priority - one.priority || one.arrival - other.arrival;
}

/** All that can be told from outside, in an order that does not depend on how it came about. */
export function portrait(tables: SlotTables): unknown {
  const entry = ({ id, owner, isHeld, waiter, token }: RunEntry | SessionEntry) => ({
    id,
    owner: isHeld || waiter ? owner?.id : undefined,
    token: isHeld ? token : 0,
    waits: waiter && [waiter.priority, waiter.arrival],
  });
  const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1);
  return {
    limits: tables.limits,
    runs: [...tables.runs]
      .map((run) => ({ ...entry(run), session: run.session.id, kind: run.kind?.id }))
      .sort(byId),
    sessions: [...tables.sessions]
      .map((session) => ({
        ...entry(session),
        runs: [...session.runs()].map(({ id }) => id).sort(),
      }))
      .sort(byId),
    owners: [...tables.owners.keys()].sort(),
    kinds: [...tables.kinds.keys()].sort(),
    counts: [tables.waitingRuns, tables.waitingSessions, tables.sessionlessRuns],
  };
}
