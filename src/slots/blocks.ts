/**
 * What blocks a request: every limit that is full for it, and who holds what it limits.
 *
 * For people who ask why. It looks at all that is held, so it costs as much as there is.
 */
import type { RunRequest, SessionRequest } from './decisions.ts';
import type { RunEntry, SessionEntry } from './entries.ts';
import type { Gate, Rule } from './gate.ts';
import type { Group } from './rounds.ts';
import type { SlotTables } from './slot-tables.ts';
import { waitersIn } from './wait-queue.ts';
import { goesBefore, type Waiter } from './waiter.ts';

/** One limit that is full. */
export interface Block {
  readonly rule: Rule;
  /** The session, owner or kind that it is about; `undefined` for a global one. */
  readonly key: string | undefined;
  readonly active: number;
  /** Who holds, oldest first. */
  readonly holders: readonly (RunEntry | SessionEntry)[];
  /** Whether an entry counts, or will count, against it. */
  isFor(entry: RunEntry | SessionEntry): boolean;
}

/** Whose limits are meant. */
export type RunTerms = Pick<RunRequest, 'sessionId' | 'owner' | 'kind'>;

/** What blocks a run of these terms now, narrowest first. */
export function blocksOfRun(tables: SlotTables, { sessionId, owner, kind }: RunTerms): Block[] {
  const { sessions, owners, kinds, runs } = tables;
  const ofOwner = owner === undefined ? undefined : owners.get(owner)?.runs;
  const ofKind = kind === undefined ? undefined : kinds.get(kind)?.gate;
  return [
    ...blockAt(
      sessions.get(sessionId)?.gate,
      sessionId,
      runs,
      (run) => run.session.id === sessionId,
    ),
    ...blockAt(ofOwner, owner, runs, (run) => run.owner?.id === owner),
    ...blockAt(ofKind, kind, runs, (run) => run.kind?.id === kind),
    ...blockAt(tables.runGate, undefined, runs, () => true),
  ];
}

/** What blocks a session of these terms now, narrowest first. */
export function blocksOfSession(
  { owners, sessions, sessionGate }: SlotTables,
  { owner }: Pick<SessionRequest, 'owner'>,
): Block[] {
  const ofOwner = owner === undefined ? undefined : owners.get(owner)?.sessions;
  return [
    ...blockAt(ofOwner, owner, sessions, (session) => session.owner?.id === owner),
    ...blockAt(sessionGate, undefined, sessions, () => true),
  ];
}

/**
 * How many waiters of the same table come before it, blocked or not; for who does not wait, before one
 * that came now. `counts` says which of them matter.
 */
export function aheadOf(
  tables: SlotTables,
  of: 'run' | 'session',
  waiter?: Waiter,
  counts: (entry: RunEntry | SessionEntry) => boolean = () => true,
): number {
  const queue = of === 'run' ? tables.runQueue : tables.sessionQueue;
  const entryOf = (other: Waiter) => other.entry as RunEntry | SessionEntry; // nothing else waits
  const others = waitersIn(queue).filter((other) => other !== waiter && counts(entryOf(other)));
  const ofItsOwn = others.filter(({ group }) => group === waiter?.group);
  const before = ofItsOwn.filter((other) => !waiter || goesBefore(other, waiter)).length;
  return before + turnsBefore(others, waiter, before);
}

/** Slots that others get before a waiter with `before` others of its group before it has its turn. */
function turnsBefore(
  others: readonly Waiter[],
  waiter: Waiter | undefined,
  before: number,
): number {
  const sizes = new Map<Group, number>();
  for (const { group } of others) {
    if (group && group !== waiter?.group) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  const own = waiter?.group?.turn ?? Infinity;
  return [...sizes].reduce(
    (sum, [group, size]) => sum + Math.min(size, before + (group.turn < own ? 1 : 0)),
    0,
  );
}

/** The limit of this gate, if it is full. */
function blockAt<Entry extends RunEntry | SessionEntry>(
  gate: Gate | undefined,
  key: string | undefined,
  entries: Iterable<Entry>,
  isOf: (entry: Entry) => boolean,
): Block[] {
  if (!gate?.isFull) return [];
  const isFor = isOf as Block['isFor']; // it is asked of the entries of the same table
  return [{ rule: gate.rule, key, active: gate.held, holders: heldOf(entries, isOf), isFor }];
}

function heldOf<Entry extends RunEntry | SessionEntry>(
  entries: Iterable<Entry>,
  isOf: (entry: Entry) => boolean,
): Entry[] {
  return [...entries]
    .filter((entry) => entry.isHeld && isOf(entry))
    .sort((one, other) => one.since - other.since || one.token - other.token);
}
