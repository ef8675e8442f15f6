/**
 * An explanation as a text, for who reads it at three in the morning: what is the matter, what is full,
 * who has held it for how long, and when it may go on.
 */
import type { RefusalCode, WaitEstimate } from '../slots/index.ts';
import type { BlockingHolder, BlockingLimit } from './explanation.ts';

/** The parts that a text is made of; each sort of explanation has some of them. */
export interface Told {
  readonly state: 'waiting' | 'held' | 'refused';
  readonly runId?: string | null;
  readonly sessionId: string;
  readonly owner: string | null;
  readonly kind?: string | null;
  readonly code?: RefusalCode;
  readonly waitedMs?: number;
  readonly heldMs?: number;
  readonly token?: number | null;
  readonly expiresAt?: number | null;
  readonly leaseMs?: number | null;
  readonly holder?: string | null;
  readonly priority?: number | null;
  readonly blockedBy?: readonly BlockingLimit[];
  readonly ahead?: number;
  readonly estimatedWait?: WaitEstimate | null;
  readonly storageTrouble?: string;
}

export function textOf(told: Told): string {
  const { storageTrouble } = told;
  const lines = [`${subject(told)} ${predicate(told)}`];
  if (storageTrouble !== undefined) {
    lines.push(`Nothing is granted while the journal cannot be written: ${storageTrouble}`);
  }
  for (const block of told.blockedBy ?? []) lines.push(...blockLines(block));
  if (told.blockedBy?.length === 0) lines.push('No limit is full for it now.');
  if (told.ahead !== undefined) lines.push(`${count(told.ahead, 'waiter')} ahead.`);
  if (told.estimatedWait) lines.push(estimateLine(told.estimatedWait));
  else if (told.estimatedWait === null) lines.push('How long it takes is not known.');
  return lines.join('\n');
}

function subject({ runId, sessionId, owner, kind }: Told): string {
  const what = runId == null ? `Session ${sessionId}` : `Run ${runId} of session ${sessionId}`;
  const about = [owner != null && `owner ${owner}`, kind != null && `kind ${kind}`].filter(Boolean);
  return about.length > 0 ? `${what} (${about.join(', ')})` : what;
}

function predicate(told: Told): string {
  switch (told.state) {
    case 'waiting':
      return `has waited for ${duration(told.waitedMs ?? 0)} with priority ${told.priority}.`;
    case 'refused':
      return `was refused: ${told.code}.`;
    case 'held':
      return `has held its slot for ${duration(told.heldMs ?? 0)}, token ${told.token}${heldBy(told)}.`;
  }
}

function heldBy({ holder, leaseMs, expiresAt }: Told): string {
  const by = holder == null ? '' : `, for ${holder}`;
  if (leaseMs == null || expiresAt == null) return by;
  const until = new Date(expiresAt).toISOString();
  return `${by}, leased for ${duration(leaseMs)} at a time, until ${until}`;
}

function blockLines({ limit, key, max, active, holders, holderCount }: BlockingLimit): string[] {
  const whose = key === null ? '' : ` of ${key}`;
  const rest = holderCount - holders.length;
  return [
    `${limit}${whose} is full: ${active} of ${max} held, by`,
    ...holders.map((holder) => `  ${holderLine(holder)}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

function holderLine({ runId, sessionId, owner, sinceAt, heldMs }: BlockingHolder): string {
  const since = new Date(sinceAt).toISOString();
  return `${subject({ state: 'held', runId, sessionId, owner })} for ${duration(heldMs)}, since ${since}`;
}

function estimateLine({ p50Ms, p90Ms, samples }: WaitEstimate): string {
  return `It takes about ${duration(p50Ms)}, nine times of ten at most ${duration(p90Ms)} (from ${samples} runs).`;
}

/** The two largest units, as people say it. */
function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1_000);
  const units: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = units.findIndex(([amount]) => amount > 0);
  return units
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
}

function count(amount: number, noun: string): string {
  return `${amount === 0 ? 'No' : amount} ${noun}${amount === 1 ? '' : 's'}`;
}
