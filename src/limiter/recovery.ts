/**
 * Recovery: what a process finds in its journal is put back into the tables before anything is served.
 *
 * What lived no longer than the last process has ended as `interrupted`; the rest is held again, with
 * its token, its place in time and its terms, by the functions that hold every other slot. A lease runs
 * anew: while no process was there nobody could renew it.
 */
import { SlotkeeperError } from '../fault.ts';
import type {
  DurableJournal,
  EndedRun,
  JournalChange,
  Recovered,
  RecoveredSession,
  RunRecord,
  WaitingRecord,
} from '../journal/journal.ts';
import { RunEntry, SessionEntry, violations } from '../slots/index.ts';
import { bind } from './bonds.ts';
import type { BookedCall } from './call-book.ts';
import { type JournalRecovered, journalRecovered } from './channels.ts';
import { runIds } from './run-ids.ts';
import { ensureTie } from './slot-tie.ts';
import type { Survivors } from './survivors.ts';

/** Says of work that the last process had, begun or waiting, whether it is taken up. */
export type Adopt = (run: RunRecord | WaitingRecord) => 'alive' | 'gone';

/** Rebuilds the tables, and tells what it has found. Throws `journal_corrupt`, and what the journal throws. */
export function recoverFrom(limiter: Survivors, journal: DurableJournal, adopt: Adopt): Recovered {
  const { clock, tables, storage } = limiter;
  const begunAt = clock.monotonicNow();
  const now = Math.round(clock.now());
  const found = journal.recover(now);
  storage.tokens.replenish();
  tables.changeLimits(found.limits);
  limiter.limitsChange = found.limitsChange && Object.freeze(found.limitsChange);
  for (const session of found.sessions) holdSessionAgain(limiter, session);
  const gone: RunRecord[] = [];
  for (const run of found.runs) {
    if (adopt(run) === 'alive') holdRunAgain(limiter, run);
    else gone.push(run);
  }
  const waits = sortedOut(found, adopt, now);
  const overs = waits.over.map((wait) => waitEnded(wait, now));
  const ended = [...gone.map((run) => interrupted(run, now)), ...overs];
  if (ended.length > 0) journal.commit(ended);
  limiter.waitingOrders.begin(waits.goingOn);
  const broken = violations(tables);
  if (broken.length > 0) throw contradictory(journal.name, broken);
  tables.undo.clear();
  publishRecovery(limiter, {
    journal: journal.name,
    sessions: found.sessions.length,
    runs: found.runs.length - gone.length,
    waitingRuns: waits.goingOn.length,
    interruptedSessions: found.interruptedSessions,
    interruptedRuns: found.interruptedRuns + gone.length,
    durationMs: clock.monotonicNow() - begunAt,
  });
  const overEnds = waits.over.map((wait) => endOfWait(wait, now));
  const ends = [...gone.map((run) => endOf(run, now)), ...overEnds];
  return { ...found, waiting: waits.goingOn, endedRuns: [...found.endedRuns, ...ends] };
}

/** A wait goes on if its time is not over, somebody takes it up, and its session is there. */
function sortedOut(found: Recovered, adopt: Adopt, at: number) {
  const sessions = new Set(found.sessions.map(({ sessionId }) => sessionId));
  const goingOn: WaitingRecord[] = [];
  const over: WaitOver[] = [];
  for (const waiting of found.waiting) {
    const { sessionId, expiresAt = Infinity } = waiting;
    const isTakenUp = sessions.has(sessionId) && adopt(waiting) === 'alive';
    const reason = isTakenUp ? 'wait_timeout' : 'interrupted';
    if (isTakenUp && expiresAt > at) goingOn.push(waiting);
    else over.push({ waiting, reason });
  }
  return { goingOn, over };
}

interface WaitOver {
  readonly waiting: WaitingRecord;
  readonly reason: 'wait_timeout' | 'interrupted';
}

function publishRecovery(limiter: Survivors, recovery: JournalRecovered): void {
  if (limiter.isHeard(journalRecovered)) limiter.publishEvent(journalRecovered, recovery);
}

/**
 * Builds tables that disagree with themselves anew from the journal, under an actor that was restarted:
 * whoever has a handle on a slot has it still, and calls that waited are to be asked again. False when
 * there is no journal to build them from.
 */
export function rebuild(limiter: Survivors, calls: readonly BookedCall[]): boolean {
  const { tables, storage } = limiter;
  const held = storage.read();
  if (!held) return false;
  const entries = [...tables.sessions, ...tables.runs].filter(({ isHeld }) => isHeld);
  const known = new Map(entries.map((entry) => [entry.token, entry]));
  for (const call of calls) if (call.isWaiting) call.entry = undefined;
  tables.clear();
  for (const session of held.sessions) putBackSession(limiter, known.get(session.token), session);
  for (const run of held.runs) putBackRun(limiter, known.get(run.token), run);
  tables.undo.clear();
  return true;
}

function putBackSession(
  limiter: Survivors,
  entry: RunEntry | SessionEntry | undefined,
  session: RecoveredSession,
): void {
  const { sessionId, owner, labels } = session;
  const request = { sessionId, owner, labels, priority: 0, canWait: false };
  if (entry instanceof SessionEntry) limiter.tables.putBackSession(entry, request);
  else holdSessionAgain(limiter, session);
}

function putBackRun(
  limiter: Survivors,
  entry: RunEntry | SessionEntry | undefined,
  run: RunRecord,
): void {
  const { sessionId, runId, owner, kind, labels } = run;
  const runKey = runIds.keyOf(runId);
  const request = { sessionId, runKey, owner, kind, labels, priority: 0, canWait: false };
  if (entry instanceof RunEntry) limiter.tables.putBackRun(entry, request);
  else holdRunAgain(limiter, run);
}

function holdSessionAgain(limiter: Survivors, session: RecoveredSession): void {
  const { sessionId, owner, labels, token, grantedAt } = session;
  const request = { sessionId, owner, labels, priority: 0, canWait: false };
  const entry = limiter.tables.holdSession(request, token, sinceOf(limiter, grantedAt));
  bindAgain(limiter, entry, session);
}

function holdRunAgain(limiter: Survivors, run: RunRecord): void {
  const { sessionId, runId, owner, kind, labels, token, grantedAt } = run;
  const runKey = runIds.keyOf(runId);
  const request = { sessionId, runKey, owner, kind, labels, priority: 0, canWait: false };
  bindAgain(limiter, limiter.tables.holdRun(request, token, sinceOf(limiter, grantedAt)), run);
}

/** Nobody has a handle on it yet; whoever asks for its id gets one. */
function bindAgain(
  limiter: Survivors,
  entry: RunEntry | SessionEntry,
  record: RecoveredSession | RunRecord,
): void {
  const { life, leaseMs = Infinity, grantedAt } = record;
  ensureTie(entry).grantedAt = grantedAt;
  const terms = 'terms' in record ? record.terms : record.order;
  entry.claims = 1;
  const none = { holder: undefined, work: undefined, acquiredAt: undefined };
  bind(limiter, entry, { ...none, leaseMs, life, terms });
}

/** The monotonic time of a grant; a clock that was put back makes it now, not later. */
function sinceOf({ clock, now }: Survivors, grantedAt: number): number {
  return Math.trunc(now - Math.max(0, clock.now() - grantedAt));
}

function interrupted({ token }: RunRecord, at: number): JournalChange {
  const note = undefined;
  return { type: 'run_slot_ended', token, reason: 'interrupted', at, isKept: true, note };
}

function endOf(run: RunRecord, endedAt: number): EndedRun {
  const { token, runId, sessionId, owner, kind, labels, grantedAt } = run;
  const slot = { token, runId, sessionId, owner, kind, labels, grantedAt };
  return { ...slot, endedAt, reason: 'interrupted', note: undefined };
}

function waitEnded({ waiting: { runId }, reason }: WaitOver, at: number): JournalChange {
  return { type: 'run_wait_ended', runId, reason, at, isKept: true, note: undefined };
}

/** It never had a slot. */
function endOfWait({ waiting, reason }: WaitOver, endedAt: number): EndedRun {
  const { runId, sessionId, owner, kind, labels, queuedAt: grantedAt } = waiting;
  const slot = { token: 0, runId, sessionId, owner, kind, labels, grantedAt };
  return { ...slot, endedAt, reason, note: undefined };
}

function contradictory(
  journal: string,
  broken: readonly string[],
): SlotkeeperError<'journal_corrupt'> {
  const text = `The journal ${journal} contradicts itself: ${broken.slice(0, 3).join('; ')}`;
  return new SlotkeeperError('journal_corrupt', text, { journal, violations: broken });
}
