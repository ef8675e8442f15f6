/**
 * The limiter's actor: a GenServer whose state is what survives it.
 *
 * It decides, changes, commits, shows, answers and tells, one message after the other, and holds nothing
 * of its own. After a crash the next incarnation finds the tables, the batch that was in progress, the
 * calls that were not answered and the status page as they were: an unfinished batch is taken back, a
 * committed one is told to its end, the invariants are checked, and the calls are asked again in the
 * order in which they were made. So a crash is seen in `restarts`, and nowhere else.
 */
import { SlotkeeperError } from '../fault.ts';
import { passOn } from '../otp/client.ts';
import { HANDLED } from '../otp/dispatch.ts';
import {
  type CallResult,
  deferReply,
  type From,
  fromGenServer,
  type GenServerDefinition,
  noReply,
  ready,
  rejectWith,
  type ServerContext,
} from '../otp/index.ts';
import { type Limits, violations } from '../slots/index.ts';
import { BookedCall } from './call-book.ts';
import { limiterRestarted, tablesRebuilt } from './channels.ts';
import {
  acquireRun,
  acquireSession,
  evict,
  examineStorage,
  holderDown,
  releaseRun,
  releaseSession,
  renewRun,
  renewSession,
  setDraining,
  setLimits,
  sweep,
  takeBack,
  withdraw,
} from './operations.ts';
import { rebuild } from './recovery.ts';
import type { ReleaseReport } from './release-report.ts';
import type { RunSlot, SessionSlot } from './slot.ts';
import type { Survivors } from './survivors.ts';
import { finish, type Operation, publish, resume, take } from './write-path.ts';

/** The limiter's server, as its types. What its calls carry stands in `calls.ts`. */
export interface LimiterTypes {
  input: Survivors;
  state: Survivors;
  calls: {
    acquire_session(): SessionSlot;
    acquire_run(): RunSlot;
    release_session(): ReleaseReport;
    release_run(): ReleaseReport;
    withdraw(): void;
    take_back(): void;
    holder_down(): void;
    sweep(): void;
    renew_run(): void;
    renew_session(): void;
    evict(): ReleaseReport;
    examine_storage(): void;
    set_draining(): number;
    set_limits(): Limits;
  };
}

/** Of what is wrong with the tables. */
const MOST_SHOWN = 3;

type Context = ServerContext<LimiterTypes>;

/** A turn of a durable limiter is a batch: it is gathered in a microtask and ended by `handleReplies`. */
export const limiterServer = (isDurable: boolean) =>
  fromGenServer<LimiterTypes>(isDurable ? { ...server, ...inBatches } : server);

const server: GenServerDefinition<LimiterTypes> = {
  init(limiter, context) {
    limiter.restarts += 1;
    if (limiter.restarts > 0) recover(limiter, context);
    limiter.mode = 'accepting';
    publish(limiter);
    return ready(limiter);
  },

  handleCall: {
    acquire_session: (_request, limiter, from) => serve(limiter, from, acquireSession),
    acquire_run: (_request, limiter, from) => serve(limiter, from, acquireRun),
    release_session: (_request, limiter, from) => serve(limiter, from, releaseSession),
    release_run: (_request, limiter, from) => serve(limiter, from, releaseRun),
    withdraw: (_request, limiter, from) => serve(limiter, from, withdraw),
    take_back: (_request, limiter, from) => serve(limiter, from, takeBack),
    holder_down: (_request, limiter, from) => serve(limiter, from, holderDown),
    sweep: (_request, limiter, from) => serve(limiter, from, sweep),
    renew_run: (_request, limiter, from) => serve(limiter, from, renewRun),
    renew_session: (_request, limiter, from) => serve(limiter, from, renewSession),
    evict: (_request, limiter, from) => serve(limiter, from, evict),
    examine_storage: (_request, limiter, from) => serve(limiter, from, examineStorage),
    set_draining: (_request, limiter, from) => serve(limiter, from, setDraining),
    set_limits: (_request, limiter, from) => serve(limiter, from, setLimits),
  },

  // Whatever the reason, there may be a next incarnation; if there is none, the start function knows.
  terminate(_reason, limiter) {
    limiter.mode = 'recovering';
    publish(limiter);
  },

  /** What is shown of it in logs: its status, and what it was doing. */
  formatStatus: ({ state, ...rest }) => ({ state: state?.page.status, ...rest }),

  // Who waits is bounded by `maxWaiters`, who is refused leaves at once: no burst is too long.
  mailboxLimit: Infinity,
};

const inBatches: Pick<GenServerDefinition<LimiterTypes>, 'turnStart' | 'handleReplies'> = {
  turnStart: 'microtask',
  handleReplies(_replies, limiter) {
    finish(limiter);
    return noReply(limiter);
  },
};

function serve<Reply, Call extends BookedCall, Decision>(
  limiter: Survivors,
  from: From<Reply>,
  operation: Operation<Call, Decision>,
): CallResult<Reply, Survivors> {
  if (!(from instanceof BookedCall)) return rejectWith(notBooked(), limiter);
  take(limiter, from as Call, operation); // each clause names the operation of its own calls
  // Answered already: saying so again costs a fifth of the call.
  if (from.isSettled) return HANDLED as never;
  return deferReply<Reply, Survivors>(from, limiter);
}

function recover(limiter: Survivors, context: Context): void {
  const { tables, desk } = limiter;
  resume(limiter);
  const calls = desk.book.takeLost();
  const broken = violations(tables, isHeldBack(limiter));
  if (broken.length > 0) repair(limiter, calls, broken);
  for (const call of calls) passOn(context.self, call);
  reportRestart(limiter, calls.length);
}

/** Nobody may be granted on the account of tables that are wrong. */
function repair(limiter: Survivors, calls: readonly BookedCall[], broken: readonly string[]): void {
  const { tables } = limiter;
  const isWhole = rebuild(limiter, calls) && violations(tables, isHeldBack(limiter)).length === 0;
  if (!isWhole) throw inconsistent(broken);
  if (limiter.isHeard(tablesRebuilt)) {
    limiter.publishEvent(tablesRebuilt, { violations: broken.slice(0, MOST_SHOWN) });
  }
}

/** Whether somebody may wait who could be granted. */
function isHeldBack({ storage, waitingOrders, tables }: Survivors): boolean {
  return storage.holdsBack || waitingOrders.areKept || tables.isDraining;
}

function reportRestart(limiter: Survivors, resumedCalls: number): void {
  if (!limiter.isHeard(limiterRestarted)) return;
  const { restarts, tables } = limiter;
  const heldSessions = tables.sessionGate.held;
  const heldRuns = tables.runGate.held;
  limiter.publishEvent(limiterRestarted, { restarts, heldSessions, heldRuns, resumedCalls });
}

/** Only the limiter's own client makes its messages. */
function notBooked(): SlotkeeperError<'not_a_client'> {
  return new SlotkeeperError(
    'not_a_client',
    'Talk to the limiter through its functions, not with call',
  );
}

function inconsistent(broken: readonly string[]): SlotkeeperError<'tables_inconsistent'> {
  const text = `The slot tables disagree with themselves: ${broken.slice(0, MOST_SHOWN).join('; ')}`;
  return new SlotkeeperError('tables_inconsistent', text, { violations: broken });
}
