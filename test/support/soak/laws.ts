/**
 * What must be so after each step, when all has come to rest: what is held is what living holders hold,
 * by the status, the page in shared memory, the list and the events alike; who waits may wait and is
 * blocked; and signals are listened to by whom they concern.
 */
import type { SlotRow, Status } from 'slotkeeper';
import type { Ask, Hold, Terms } from './ask.ts';
import { GIVEN_BACK } from './ledger.ts';
import type { Mortal } from './mortal.ts';
import type { Stage } from './stage.ts';

export function checkLaws(stage: Stage): void {
  bury(stage);
  const rows = [...stage.limiter.list()];
  const held = rows.filter(({ state }) => state === 'held');
  const waiting = rows.filter(({ state }) => state === 'waiting');
  checkHeld(stage, held);
  checkWaiting(stage, waiting);
  checkStatus(stage, held, waiting);
  checkLimits(stage);
  checkSignals(stage);
}

/** Slots that had to end have ended, for a reason that they had; their holders know it. */
export function bury(stage: Stage): void {
  const { ledger, auditor, complaints } = stage;
  for (const [token, hold] of ledger.holds) {
    const reasons = ledger.endsOf(hold);
    if (reasons.length === 0) continue;
    const reason = auditor.ends.get(token)?.reason;
    const told = tellingOf(hold) ?? reasons.find((one) => isEnd(one, reason));
    complaints.expect(
      reasons.some((one) => one === told) && isEnd(told, reason),
      () => `${hold.name} ended by ${reason}, and was told ${told}, not ${reasons}`,
    );
    ledger.holds.delete(token);
    auditor.ends.delete(token);
  }
  buryUnclaimed(stage);
}

/** Who has gone when he was granted gives it back unseen, and was told why he has not got it. */
function buryUnclaimed({ ledger, auditor, complaints, tally }: Stage): void {
  for (const [token, { reason, sessionId, runId }] of auditor.ends) {
    const isOfThose = ({ terms }: Ask) =>
      terms.sessionId === sessionId && (terms.runId ?? runId) === runId;
    complaints.expect(
      reason === 'released' && ledger.left.some(isOfThose),
      () => `token ${token} of ${sessionId}/${runId} was held by nobody, and ended by ${reason}`,
    );
    tally.count('grants', 'to who had gone');
    auditor.ends.delete(token);
  }
  ledger.left.length = 0;
}

function isEnd(known: string | undefined, reason: string | undefined): boolean {
  return known === reason || (known === GIVEN_BACK && reason === 'released');
}

/** What the signal of a slot that has ended says; `undefined` where it cannot be seen from here. */
function tellingOf({ slot }: Hold): string | undefined {
  if (!slot) return undefined;
  const { aborted, reason } = slot.signal;
  return aborted ? String(reason.code) : GIVEN_BACK;
}

/** A signal is made when it is first read. Of half of the slots that is while they live. */
function isKnownAsLost({ slot, token }: Hold): boolean {
  return slot !== undefined && token % 2 === 0 && slot.signal.aborted;
}

function checkHeld(stage: Stage, rows: readonly SlotRow[]): void {
  const { ledger, auditor, complaints, now } = stage;
  const { living } = ledger;
  const tokens = living.map(({ token }) => token);
  const listed = rows.map(({ token }) => Number(token));
  for (const row of rows) checkBonds(stage, row);
  complaints.expectSame(tokens, listed, 'the list');
  complaints.expectSame(tokens, auditor.held.keys(), 'the events');
  for (const hold of living) {
    complaints.expect(!isKnownAsLost(hold), () => `${hold.name} lives, but is lost`);
    const isOverdue = hold.leaseDueAt <= now && now >= auditor.graceUntil;
    complaints.expect(!isOverdue, () => `${hold.name} is held beyond its lease`);
  }
}

/** The slot hangs on what was said when it was asked for. */
function checkBonds({ ledger, complaints }: Stage, { token, leaseMs, holder }: SlotRow): void {
  const hold = ledger.holds.get(Number(token));
  if (!hold) return; // it is missed elsewhere
  const { terms } = hold.ask;
  const isSo = leaseMs === (terms.leaseMs ?? null) && holder === (terms.holder?.label ?? null);
  complaints.expect(isSo, () => `${hold.name} hangs on ${holder} and ${leaseMs} ms`);
}

function checkWaiting(stage: Stage, rows: readonly SlotRow[]): void {
  const { ledger, auditor, complaints, isDraining } = stage;
  const subjects = new Set([...ledger.open].map(({ subject }) => subject));
  complaints.expect(
    subjects.size === rows.length,
    () => `${rows.length} wait by the list, not ${subjects.size}`,
  );
  complaints.expect(!isDraining || rows.length === 0, () => 'somebody waits during a drain');
  for (const ask of ledger.open) {
    const reasons = ledger.reasonsToLeave(ask);
    complaints.expect(reasons.length === 0, () => `${ask.subject} waits in spite of ${reasons}`);
  }
  for (const row of rows) {
    const isBlocked = auditor.fullFor(row.type, termsOf(row)).length > 0;
    complaints.expect(isBlocked, () => `somebody waits in ${row.sessionId} where there is room`);
  }
}

function termsOf(row: SlotRow): Pick<Terms, 'sessionId' | 'owner' | 'kind'> {
  const kind = row.type === 'run' ? row.kind : null;
  return { sessionId: row.sessionId, owner: row.owner ?? undefined, kind: kind ?? undefined };
}

function checkStatus(stage: Stage, held: readonly SlotRow[], waiting: readonly SlotRow[]): void {
  const { limiter, statusReader, complaints, auditor, isDraining } = stage;
  const status = limiter.getStatus();
  const { maxParallelSessions, maxParallelRuns } = auditor.limits;
  const [activeSessions, activeRuns] = [countOf(held, 'session'), countOf(held, 'run')];
  const expected: Status = {
    state: isDraining ? 'draining' : 'accepting',
    storage: 'ok',
    activeSessions,
    activeRuns,
    sessionlessRuns: sessionlessIn(held),
    waitingSessions: countOf(waiting, 'session'),
    waitingRuns: countOf(waiting, 'run'),
    maxParallelSessions,
    maxParallelRuns,
    availableSessionSlots: Math.max(0, maxParallelSessions - activeSessions),
    availableRunSlots: Math.max(0, maxParallelRuns - activeRuns),
    version: status.version,
    restarts: auditor.restarts,
  };
  const [wanted, told, shared] = [expected, status, statusReader.read()].map(textOf);
  complaints.expect(told === wanted, () => `the status is ${told}, not ${wanted}`);
  complaints.expect(shared === told, () => `the page says ${shared}, not ${told}`);
}

/** More than a limit is held only if it was held before, and the limit was lowered since. */
function checkLimits({ auditor, limiter, complaints, tally }: Stage): void {
  const isKnown = limiter.getLimits() === auditor.limits;
  complaints.expect(isKnown, () => 'the limits are not those of the events');
  if (auditor.look()) tally.count('limits', 'lower than what was held');
}

/** One listener on each signal that is used, none on the others. */
function checkSignals({ ledger, signals, complaints, holders, sharedSignal }: Stage): void {
  const asks = [...ledger.open].map(({ terms }) => terms);
  const busy = new Set([...ledger.living.map(({ ask }) => ask.terms), ...asks].map(holderOf));
  const used = new Set<unknown>(asks.map(({ signal }) => signal));
  for (const mortal of busy) if (mortal?.isAlive) used.add(mortal.target);
  for (const complaint of signals.wronglyHeard(used)) complaints.add(complaint);
  for (const { target } of holders.living) used.add(target);
  signals.forgetAllBut(used.add(sharedSignal));
}

function holderOf({ holder }: Terms): Mortal | undefined {
  return holder;
}

function countOf(rows: readonly SlotRow[], type: SlotRow['type']): number {
  return rows.filter((row) => row.type === type).length;
}

function sessionlessIn(held: readonly SlotRow[]): number {
  const sessions = new Set(
    held.filter(({ type }) => type === 'session').map((row) => row.sessionId),
  );
  return held.filter(({ type, sessionId }) => type === 'run' && !sessions.has(sessionId)).length;
}

/** As `name=value`, in the order of the names. */
function textOf(status: Status): string {
  return Object.entries(status)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(' ');
}
