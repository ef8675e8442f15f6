/**
 * Acts upon the limiter itself: crashes, changed limits, drains, a suspended actor.
 */
import { type ExitSignal, exit, type LimitChanges, sys } from 'slotkeeper';
import { askForRuns, tryRuns } from './asking.ts';
import { abortAllWaits, abortWaits, giveBack } from './ending.ts';
import { LIMITS, type Stage } from './stage.ts';

/** The limiter's actor is made to end from outside. */
export function endActor({ chance, limiter, tally }: Stage): void {
  const reason = chance.pick<[ExitSignal, ...ExitSignal[]]>([
    'kill',
    'shutdown',
    new Error('as ordered'),
  ]);
  tally.count(
    'crashes of the limiter',
    `told to end: ${reason instanceof Error ? 'error' : reason}`,
  );
  exit(limiter.ref, reason);
}

/** Room is made, and before those who waited for it are told, the limiter crashes and they give up. */
export function changeOfMind(stage: Stage): void {
  stage.saboteur.arm('after', 'publish');
  giveBack(stage);
  abortAllWaits(stage);
}

/** One limit becomes lower, or all are again what they were. */
export function changeLimits(stage: Stage): void {
  const { chance, tally } = stage;
  const isRaised = chance.happens(0.5);
  tally.count('limits', isRaised ? 'raised' : 'lowered');
  stage.follow(stage.limiter.setLimits(isRaised ? LIMITS : lowered(stage)));
}

export function drain(stage: Stage): void {
  const timeoutMs = stage.chance.pick([0, 2_000, Infinity]);
  stage.isDraining = true;
  stage.follow(stage.limiter.drain({ timeoutMs }), ({ drained, heldRuns }) => {
    stage.complaints.expect(drained === (heldRuns === 0), () => `drained with ${heldRuns} runs`);
  });
}

export function resume(stage: Stage): void {
  stage.isDraining = false;
  stage.follow(stage.limiter.resume());
}

/** Calls are made while the actor is suspended: nothing happens until it goes on. */
export async function suspend(stage: Stage): Promise<void> {
  const { limiter, complaints } = stage;
  await sys.suspend(limiter.ref);
  const before = limiter.getStatus();
  askForRuns(stage);
  tryRuns(stage);
  giveBack(stage);
  abortWaits(stage);
  complaints.expect(limiter.getStatus() === before, () => 'a suspended limiter has done something');
  await sys.resume(limiter.ref);
}

function lowered({ chance }: Stage): LimitChanges {
  const part = (limit: number) => chance.between(Math.ceil(limit / 2), limit);
  const { maxRunsPerKind } = LIMITS;
  return chance.pick<[LimitChanges, ...LimitChanges[]]>([
    { maxParallelSessions: part(LIMITS.maxParallelSessions) },
    { maxParallelRuns: part(LIMITS.maxParallelRuns) },
    { maxRunsPerSession: part(LIMITS.maxRunsPerSession) },
    { maxSessionsPerOwner: part(LIMITS.maxSessionsPerOwner) },
    { maxRunsPerOwner: part(LIMITS.maxRunsPerOwner) },
    { maxJobsPerOwner: part(LIMITS.maxJobsPerOwner) },
    { maxRunsPerKind: { agent: part(maxRunsPerKind.agent ?? 1) } },
    { maxWaiters: part(LIMITS.maxWaiters) },
  ]);
}
