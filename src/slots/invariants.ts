/**
 * What is always true of the tables, as named predicates. Tests evaluate all of them after every step;
 * a limiter that comes back from a crash evaluates them before it serves.
 *
 * Each gives the violations that it finds, as sentences. They read every record, so they cost as much
 * as there is.
 */
import { blockOf } from './decisions.ts';
import type { RunEntry, SessionEntry } from './entries.ts';
import type { Gate } from './gate.ts';
import { isBetter, type NodeHeap } from './node-heap.ts';
import type { SlotTables } from './slot-tables.ts';
import { Branch, Bucket, waitersIn } from './wait-queue.ts';
import { goesBefore, type Waiter } from './waiter.ts';

type Predicate = (tables: SlotTables) => Iterable<string>;

/** By name: each promise that the tables make. */
export const invariants: Readonly<Record<string, Predicate>> = {
  *counts_equal_the_tables(tables) {
    const held = [...tables.runs].filter(isHeld);
    const sessions = [...tables.sessions].filter(isHeld);
    yield* differs('held runs', tables.runGate.held, held.length);
    yield* differs('held sessions', tables.sessionGate.held, sessions.length);
    yield* differs('waiting runs', tables.waitingRuns, [...tables.runs].filter(isWaiting).length);
    const waitingSessions = [...tables.sessions].filter(isWaiting).length;
    yield* differs('waiting sessions', tables.waitingSessions, waitingSessions);
    const sessionless = held.filter((run) => !run.session.isHeld).length;
    yield* differs('sessionless runs', tables.sessionlessRuns, sessionless);
  },

  *counts_of_keys_equal_the_tables(tables) {
    const runs = [...tables.runs];
    const held = countBy(runs.filter(isHeld), (run) => run.session);
    const byOwner = countBy(runs.filter(isHeld), (run) => run.owner);
    const waitingByOwner = countBy(runs.filter(isWaiting), (run) => run.owner);
    const byKind = countBy(runs.filter(isHeld), (run) => run.kind);
    const waitingByKind = countBy(runs.filter(isWaiting), (run) => run.kind);
    const sessions = [...tables.sessions];
    const sessionsByOwner = countBy(sessions.filter(isHeld), (session) => session.owner);
    const waitersByOwner = countBy(sessions.filter(isWaiting), (session) => session.owner);
    for (const session of sessions) {
      yield* differs(`runs of ${session.id}`, session.gate.held, held.get(session) ?? 0);
    }
    for (const owner of tables.owners.values()) {
      const what = `of ${owner.id}`;
      yield* differs(`runs ${what}`, owner.runs.held, byOwner.get(owner) ?? 0);
      yield* differs(`waiting runs ${what}`, owner.waitingRuns, waitingByOwner.get(owner) ?? 0);
      yield* differs(`sessions ${what}`, owner.sessions.held, sessionsByOwner.get(owner) ?? 0);
      const waiting = waitersByOwner.get(owner) ?? 0;
      yield* differs(`waiting sessions ${what}`, owner.waitingSessions, waiting);
    }
    for (const kind of tables.kinds.values()) {
      yield* differs(`runs of kind ${kind.id}`, kind.gate.held, byKind.get(kind) ?? 0);
      const waiting = waitingByKind.get(kind) ?? 0;
      yield* differs(`waiting runs of kind ${kind.id}`, kind.waitingRuns, waiting);
    }
  },

  *every_run_has_a_session_entry(tables) {
    const tied = new Set([...tables.sessions].flatMap((session) => [...session.runs()]));
    for (const run of tables.runs) {
      if (tables.sessions.get(run.session.id) !== run.session) yield `${run.id} has none`;
      if (!tied.delete(run)) yield `${run.session.id} does not know ${run.id}`;
      if (!run.isHeld && !run.isWaiting) yield `${run.id} neither holds nor waits`;
    }
    for (const run of tied) yield `${run.session.id} has ${run.id}, which is gone`;
  },

  *sessions_have_one_order(tables) {
    const inOrder = new Set(tables.knownSessions());
    for (const session of tables.sessions) {
      if (!inOrder.delete(session)) yield `${session.id} has no place in it`;
    }
    for (const { id } of inOrder) yield `${id} has a place in it, and is gone`;
  },

  *no_empty_record_remains(tables) {
    const { sessions, owners, kinds } = tables;
    for (const entry of [...sessions, ...owners.values(), ...kinds.values()]) {
      if (entry.isUnused) yield entry.id;
    }
    const groups = new Set(
      [...waitersIn(tables.runQueue), ...waitersIn(tables.sessionQueue)].map(({ group }) => group),
    );
    groups.delete(undefined);
    const rounds = tables.runRounds.size + tables.sessionRounds.size;
    yield* differs('groups that take turns', rounds, groups.size);
    for (const node of [...tables.runQueue, ...tables.sessionQueue]) {
      if (node.parent && node instanceof Branch && node.isEmpty) yield 'a branch of the queue';
      if (node instanceof Bucket && !node.first) yield 'a bucket of the queue';
    }
  },

  *the_queue_is_ordered(tables) {
    for (const node of [...tables.runQueue, ...tables.sessionQueue]) {
      if (node instanceof Bucket) yield* disorderInBucket([...node.waiters()]);
      else if (node instanceof Branch) yield* disorderInHeap(node.children);
      if (node instanceof Branch && node.first !== node.children.top?.first) {
        yield 'a branch remembers another first waiter than it has';
      }
    }
  },

  *the_queue_agrees_with_the_tables(tables) {
    const queued = waitersIn(tables.runQueue).concat(waitersIn(tables.sessionQueue));
    const waiting = [...tables.runs, ...tables.sessions].filter(isWaiting);
    const known = new Set<unknown>(waiting.map((entry) => entry.waiter));
    yield* differs('queued waiters', queued.length, waiting.length);
    for (const waiter of queued) if (!known.has(waiter)) yield 'a waiter that no entry knows';
  },

  *every_queue_can_be_found(tables) {
    for (const node of [...tables.runQueue, ...tables.sessionQueue]) {
      const { parent } = node;
      if (!parent || !node.first || node.isListed) continue;
      if (!node.isParked) yield 'a queue is neither listed nor parked';
      else if (node.gate && !isAccountedFor(node.gate))
        yield 'a queue is parked behind an open gate';
    }
  },

  *nobody_waits_who_could_be_granted(tables) {
    for (const entry of [...tables.runs, ...tables.sessions].filter(isWaiting)) {
      if (!blockOf(tables, entry)) yield `${entry.id} waits behind no limit`;
    }
  },
};

/**
 * What is wrong, by invariant; nothing when all hold. `isHeldBack`: nobody is granted for the time being,
 * whether or not there is room.
 */
export function violations(tables: SlotTables, isHeldBack = false): string[] {
  return Object.entries(invariants).flatMap(([name, predicate]) => {
    if (isHeldBack && predicate === invariants.nobody_waits_who_could_be_granted) return [];
    return [...predicate(tables)].map((violation) => `${name}: ${violation}`);
  });
}

/**
 * The gates that hold more than their limit. Grants never lead there; a limit that was lowered below
 * what was held does, until enough has ended.
 */
export function overfullGates(tables: SlotTables): Gate[] {
  const gates = [tables.runGate, tables.sessionGate];
  for (const session of tables.sessions) gates.push(session.gate);
  for (const owner of tables.owners.values()) gates.push(owner.runs, owner.sessions);
  for (const kind of tables.kinds.values()) gates.push(kind.gate);
  return gates.filter((gate) => gate.held > gate.rule.max);
}

function isHeld(entry: RunEntry | SessionEntry): boolean {
  return entry.isHeld;
}

function isWaiting(entry: RunEntry | SessionEntry): boolean {
  return entry.isWaiting;
}

function* differs(what: string, said: number, counted: number): Generator<string> {
  if (said !== counted) yield `${what}: ${said} said, ${counted} counted`;
}

function countBy<Entry, Key>(
  entries: readonly Entry[],
  key: (entry: Entry) => Key,
): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const entry of entries) counts.set(key(entry), (counts.get(key(entry)) ?? 0) + 1);
  return counts;
}

function* disorderInBucket(waiters: readonly Waiter[]): Generator<string> {
  for (const [index, waiter] of waiters.entries()) {
    const next = waiters[index + 1];
    if (next && !goesBefore(waiter, next)) yield 'a bucket is out of order';
    if (next && next.priority !== waiter.priority) yield 'a bucket mixes priorities';
  }
}

function* disorderInHeap(heap: NodeHeap): Generator<string> {
  const nodes = [...heap];
  for (const [index, node] of nodes.entries()) {
    const above = nodes[(index - 1) >> 1];
    if (index > 0 && above && isBetter(node, above)) yield 'a heap is out of order';
    if (node.index !== index || node.heap !== heap) yield 'a node does not know its place';
  }
}

/** A gate with room has offered somebody who goes before all that are parked at it. */
function isAccountedFor(gate: Gate): boolean {
  return gate.isFull || gate.isRepresented;
}
