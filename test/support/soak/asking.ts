/**
 * Acts of those who ask.
 */
import { RefusalError } from 'slotkeeper';
import { optionsOf, type Terms } from './ask.ts';
import type { Stage } from './stage.ts';

/** More than may be held at a time. */
const SESSIONS = 70;
const OWNERS = 7;
const KINDS = ['agent', 'exec', 'tool', undefined] as const;

export function askForRuns(stage: Stage): void {
  askForSome(stage, 24);
}

/** So many that all limits are met. */
export function askInACrowd(stage: Stage): void {
  askForSome(stage, 300);
}

export function askForSessions(stage: Stage): void {
  for (let left = stage.chance.between(1, 6); left > 0; left -= 1) {
    stage.acquire(sessionTerms(stage));
  }
}

export function startJobs(stage: Stage): void {
  for (let left = stage.chance.between(1, 8); left > 0; left -= 1) stage.startJob(runTerms(stage));
}

/** Somebody asks for what is held, or waited for, as the same owner or as another. */
export function askAgain(stage: Stage): void {
  const { chance, ledger } = stage;
  const known = [
    ...ledger.living.map(({ ask, runId }) => ({ ...ask.terms, runId })),
    ...waits(stage),
  ];
  for (const { type, sessionId, runId, owner } of chance.some(known, 4)) {
    if (type === 'run' && !runId) continue;
    const asked = chance.happens(0.3) ? 'somebody else' : owner;
    const { owner: _owner, ...terms } = runTerms(stage);
    stage.acquire({ ...terms, type, sessionId, runId, owner: asked, ...kindFor(type, terms) });
  }
}

export function tryRuns(stage: Stage): void {
  for (let left = stage.chance.between(1, 4); left > 0; left -= 1) {
    tryToAcquire(stage, { ...withoutWait(runTerms(stage)), runId: stage.nextRunId() });
  }
}

export function trySession(stage: Stage): void {
  tryToAcquire(stage, withoutWait(sessionTerms(stage)));
}

export function runTerms(stage: Stage): Terms {
  const { chance } = stage;
  const session = chance.below(SESSIONS);
  return {
    ...bondTerms(stage),
    type: 'run',
    sessionId: `session-${session}`,
    owner: ownerOf(chance.happens(0.5) ? session : chance.below(OWNERS)),
    kind: chance.oneOf(KINDS),
  };
}

/** The same session is asked for by the same owner. */
export function sessionTerms(stage: Stage): Terms {
  const session = stage.chance.below(SESSIONS);
  const sessionId = `session-${session}`;
  return { ...bondTerms(stage), type: 'session', sessionId, owner: ownerOf(session) };
}

/** How long to wait, how urgently, and what the slot is to hang on. */
function bondTerms(stage: Stage): Pick<Terms, 'holder' | 'leaseMs' | 'waitMs' | 'signal'> {
  const { chance, holders } = stage;
  const waitMs = chance.pick([undefined, undefined, chance.between(200, 20_000), Infinity]);
  return {
    holder: chance.happens(0.4) ? chance.oneOf(holders.living) : undefined,
    leaseMs: chance.happens(0.25) ? chance.between(1_000, 40_000) : undefined,
    waitMs,
    ...(waitMs !== undefined && { priority: chance.below(3) }),
    signal: waitMs !== undefined && chance.happens(0.5) ? stage.waitSignal() : undefined,
  };
}

function askForSome(stage: Stage, most: number): void {
  for (let left = stage.chance.between(1, most); left > 0; left -= 1) {
    stage.acquire({ ...runTerms(stage), runId: stage.nextRunId() });
  }
}

function ownerOf(index: number): string {
  return `owner-${index % OWNERS}`;
}

function waits({ ledger }: Stage): Terms[] {
  return [...ledger.open].map(({ terms }) => terms);
}

function kindFor(type: Terms['type'], { kind }: Terms): Pick<Terms, 'kind'> {
  return { kind: type === 'run' ? kind : undefined };
}

function withoutWait({ waitMs: _waitMs, signal: _signal, ...terms }: Terms): Terms {
  return terms;
}

function tryToAcquire(stage: Stage, terms: Terms): void {
  const { ledger, limiter } = stage;
  const ask = ledger.ask(terms);
  const { type, sessionId, runId = '' } = terms;
  const answer =
    type === 'session'
      ? limiter.tryAcquireSessionSlot(sessionId, optionsOf(terms))
      : limiter.tryAcquireRunSlot(sessionId, runId, optionsOf(terms));
  if (answer instanceof RefusalError) ledger.refused(ask, answer);
  else ledger.granted(ask, { token: answer.token, runId: terms.runId, slot: answer });
  stage.tally.count('tried', answer instanceof RefusalError ? answer.code : 'granted');
}
