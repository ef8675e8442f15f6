/**
 * Acts that end slots and waits.
 */
import type { Hold, Terms } from './ask.ts';
import { GIVEN_BACK, isHeldBy } from './ledger.ts';
import type { Mortal } from './mortal.ts';
import type { Stage } from './stage.ts';

/** Runs through their handles. */
export function giveBack(stage: Stage): void {
  giveBackSome(stage, 12);
}

/** A session through its handle, with its runs. */
export function giveBackSession(stage: Stage): void {
  const hold = stage.chance.oneOf(stage.ownHolds.filter(({ isSession }) => isSession));
  if (hold) release(stage, hold);
}

/** Runs by their ids, some with the token of another grant, which frees nobody. */
export function releaseById(stage: Stage): void {
  const { chance, ledger, limiter } = stage;
  for (const { runId, token } of chance.some(runsOf(stage), 6)) {
    if (runId === undefined) continue;
    if (chance.happens(0.3)) {
      stage.follow(limiter.releaseRunSlot(runId, { token: token + 1 }));
      stage.tally.count('releases', 'with a stale token');
      continue;
    }
    ledger.endRun(runId);
    stage.follow(limiter.releaseRunSlot(runId, chance.happens(0.5) ? { token } : {}));
  }
}

/** A session by its id, whether or not it holds a slot. */
export function releaseSession(stage: Stage): void {
  const { chance, ledger, limiter } = stage;
  const sessions = ledger.living.map(({ sessionId }) => sessionId);
  const sessionId = chance.oneOf(sessions);
  if (sessionId === undefined) return;
  ledger.endSession(sessionId);
  stage.follow(limiter.releaseSessionSlot(sessionId));
}

/** Who waits under these ids is withdrawn. */
export function withdraw(stage: Stage): void {
  for (const { terms } of stage.chance.some([...stage.ledger.open], 3)) releaseRun(stage, terms);
}

/** Room is made, and who has got it, or waits still, is released in the same tick. */
export function giveAndTake(stage: Stage): void {
  const waiting = [...stage.ledger.open];
  giveBackSome(stage, 60);
  for (const { terms } of waiting) releaseRun(stage, terms);
}

export function endJobs(stage: Stage): void {
  const jobs = [...stage.jobs].sort((one, other) => one.ask.number - other.ask.number);
  for (const job of stage.chance.some(jobs, 12)) {
    const error = stage.chance.happens(0.4) ? new Error('the job fails, as ordered') : undefined;
    stage.jobs.delete(job);
    job.end(stage.ledger, error);
    stage.tally.count('jobs', error ? 'that threw' : 'that were done');
  }
}

export function evict(stage: Stage): void {
  for (const hold of stage.chance.some(runsOf(stage), 2)) {
    if (hold.runId === undefined) continue;
    hold.ends.add('evicted');
    stage.follow(stage.limiter.evict(hold.runId, 'as ordered'));
  }
}

/** Callers give up, and those with them who share the signal. */
export function abortWaits(stage: Stage): void {
  for (const signal of stage.chance.some(waitSignals(stage), 4)) abort(stage, signal);
}

/** The same, all of them who can. */
export function abortAllWaits(stage: Stage): void {
  for (const signal of waitSignals(stage)) abort(stage, signal);
}

/** Holders go down, one or some in one tick. */
export async function loseHolders(stage: Stage): Promise<void> {
  const dying = stage.chance.some(stage.holders.living, 3);
  for (const mortal of dying) stage.tally.count('holders that went down', mortal.name);
  await Promise.all(dying.map((mortal) => stage.ledger.kill(mortal)));
}

/** The same for who holds no session, and asks for none. */
export async function loseHoldersOfRuns(stage: Stage): Promise<void> {
  const { holders, chance } = stage;
  const mortal = chance.oneOf(holders.living.filter((one) => !hasSessions(stage, one)));
  if (!mortal) return;
  stage.tally.count('holders that went down', mortal.name);
  await stage.ledger.kill(mortal);
}

export function renewLeases(stage: Stage): void {
  const { chance, limiter } = stage;
  const leased = stage.ownHolds.filter(({ leaseDueAt }) => leaseDueAt !== Infinity);
  for (const hold of chance.some(leased, 20)) {
    const { runId, sessionId, token, ask } = hold;
    const renewed =
      runId !== undefined && !hold.isSession
        ? limiter.renewRunSlot(runId, token)
        : limiter.renewSessionSlot(sessionId, token);
    const until = stage.now + (ask.terms.leaseMs ?? Infinity);
    stage.follow(renewed, () => {
      hold.leaseDueAt = until;
    });
    stage.tally.count('leases', 'renewed');
  }
}

/** Whoever has lost his slot is told so when he renews it. */
export function renewTooLate(stage: Stage): void {
  const { limiter, tally, complaints } = stage;
  const [hold] = runsOf(stage);
  if (hold?.runId === undefined) return;
  stage.follow(
    limiter.renewRunSlot(hold.runId, hold.token + 1_000_000),
    () => complaints.add('a lease was renewed with a wrong token'),
    (error) => tally.count('leases', String((error as { code?: unknown }).code)),
  );
}

function giveBackSome(stage: Stage, most: number): void {
  for (const hold of stage.chance.some(runsOf(stage), most)) release(stage, hold);
}

function releaseRun(stage: Stage, { type, runId }: Terms): void {
  if (type !== 'run' || runId === undefined) return;
  stage.ledger.endRun(runId);
  stage.follow(stage.limiter.releaseRunSlot(runId));
}

function waitSignals({ ledger }: Stage): AbortSignal[] {
  const signals = [...ledger.open].flatMap(({ terms }) => terms.signal ?? []);
  return [...new Set(signals)].filter(({ aborted }) => !aborted);
}

function abort({ signals, tally }: Stage, signal: AbortSignal): void {
  tally.count('waits', 'aborted');
  signals.abort(signal);
}

function release(stage: Stage, hold: Hold): void {
  const { slot } = hold;
  if (!slot) return;
  stage.ledger.end(hold, GIVEN_BACK);
  stage.follow(slot.release());
  // Again is a no-op.
  if (stage.chance.happens(0.2)) stage.follow(slot.release());
}

function runsOf({ ownHolds }: Stage): Hold[] {
  return ownHolds.filter(({ isSession }) => !isSession);
}

function hasSessions({ ledger }: Stage, mortal: Mortal): boolean {
  const isOf = ({ terms }: Hold['ask']) => terms.type === 'session' && terms.holder === mortal;
  return (
    ledger.living.some((hold) => hold.isSession && isHeldBy(hold, mortal)) ||
    [...ledger.open].some(isOf)
  );
}

/** Whatever is held is given back, and all jobs end. */
export function endAllWork(stage: Stage): void {
  for (const job of stage.jobs) job.end(stage.ledger);
  stage.jobs.clear();
  for (const hold of stage.ownHolds) release(stage, hold);
}
