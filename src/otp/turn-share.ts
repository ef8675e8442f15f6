/**
 * The event loop's share: how long turns of mailboxes may go on before timers and sockets are served.
 *
 * All servers of a thread share one allowance per macrotask: 1,024 messages or 5 ms of real time. A
 * server that still has mail when it is used up waits in the run queue, which a `setImmediate` goes on
 * with, oldest first; Node looks after timers and sockets in between. So a flood starves nobody, and a
 * flooded server starves no other. The allowance is measured in real time whatever clock the servers
 * use: it is about the loop, not about them. A slow message that follows quick ones is noticed after at
 * most 16.
 *
 * That a macrotask has ended is known from a `setImmediate`, which costs as much as some messages. So it is
 * asked for where a turn serves what waits; of messages that are served at once, with the fourth, or the
 * first that comes 5 ms after the one before. So one message in each of many macrotasks does not pay for
 * it, and a slow message is told from idle time by the next one.
 */
import { performance } from 'node:perf_hooks';
import { LinkedList, ListItem } from './linked-list.ts';

const MESSAGES_PER_MACROTASK = 1_024;
const MILLISECONDS_PER_MACROTASK = 5;
/**
 * Reading the time costs 50 ns, half of what an empty message does. So it is read after 1, 2, 4, 8, 16
 * messages of a share while they are quick, and after each one again as soon as a stretch was slow.
 */
const LONGEST_STRETCH = 16;
const SLOW_STRETCH_MS = 0.25;
/** Messages, served at once, that do not ask when the macrotask ends. */
const FEW_MESSAGES = 4;
/** How deep turns may nest on one stack (a server that casts to one that casts to one …). */
const DEEPEST_NESTING = 32;

/** What can take a turn. It waits in the run queue once at most. */
export abstract class Runnable extends ListItem {
  abstract takeTurn(): void;
}

interface Opening {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

let served = 0;
let nextLook = FEW_MESSAGES;
let stretch = 1;
/** What the share is measured by; it is given the real time. */
let measure: (now: number) => number = (now) => now;
let startedAt = 0;
let lookedAt = 0;
/** The real time of the last look. */
let recent = 0;
let nesting = 0;
let nextShare: NodeJS.Immediate | undefined;
/** For who waits for it. */
let opening: Opening | undefined;
const runQueue = new LinkedList<Runnable>();

/** A turn serves what waits, and each look at the time counts from now on. */
export function openShare(): void {
  if (nextShare === undefined) beginShare(look());
}

/** Counts one message. False means that the turn must go on in a later macrotask. */
export function spendShare(): boolean {
  served += 1;
  if (served >= nextLook) lookAtTheTime();
  return hasShareLeft();
}

/** Whether a turn may begin on this stack, now. */
export function mayBeginNow(): boolean {
  return hasShareLeft() && mayNest();
}

/** Whether the loop's share is not used up yet. */
export function hasShareLeft(): boolean {
  return served < MESSAGES_PER_MACROTASK;
}

/** Resolves when the loop has a share again: in a later macrotask. */
export function shareOpens(): Promise<void> {
  openShare();
  opening ??= newOpening();
  return opening.promise;
}

/** Whether one more turn may begin within those on this stack. */
export function mayNest(): boolean {
  return nesting < DEEPEST_NESTING;
}

/** Marks that a turn has begun on this stack; `leaveTurn` follows. */
export function enterTurn(): void {
  nesting += 1;
  if (nextShare === undefined) lookAround();
}

export function leaveTurn(): void {
  nesting -= 1;
}

/** Runs a turn once this stack has ended: in a microtask, or later when the share is used up. */
export function runSoon(runnable: Runnable): void {
  queueMicrotask(() => (mayBeginNow() ? runTurn(runnable) : runLater(runnable)));
}

/** Runs a turn in a later macrotask, after those that wait already. */
export function runLater(runnable: Runnable): void {
  runQueue.push(runnable);
  openShare();
}

/** For tests: what the share is measured by. Real time makes it depend on the machine's load. */
export function measureShareBy(read: () => number): void {
  measure = read;
}

/** The time. Within a turn it is that of the last look, at most 16 quick messages ago. */
export function recentTime(): number {
  return nesting > 0 ? recent : performance.now();
}

/** How many turns wait for a later macrotask. */
export function waitingTurns(): number {
  return runQueue.size;
}

function runTurn(runnable: Runnable): void {
  enterTurn();
  try {
    runnable.takeTurn();
  } finally {
    leaveTurn();
  }
}

/** Nobody knows whether this macrotask is that of the message before. */
function lookAround(): void {
  const now = look();
  if (now - lookedAt >= MILLISECONDS_PER_MACROTASK) beginShare(now);
  lookedAt = now;
}

/** What is served from now on is counted and timed until the macrotask ends. */
function beginShare(now: number): void {
  startedAt = lookedAt = now;
  nextLook = served + 1;
  planNextShare();
}

function look(): number {
  recent = performance.now();
  return measure(recent);
}

/** Also when the share is used up, so that `recentTime` goes on for who never lets go of the loop. */
function lookAtTheTime(): void {
  const now = look();
  if (nextShare === undefined) beginShare(now);
  const isOver = now - startedAt >= MILLISECONDS_PER_MACROTASK;
  if (isOver) served = Math.max(served, MESSAGES_PER_MACROTASK);
  stretch = now - lookedAt < SLOW_STRETCH_MS ? Math.min(2 * stretch, LONGEST_STRETCH) : 1;
  nextLook = served + stretch;
  lookedAt = now;
}

function planNextShare(): void {
  if (nextShare === undefined) nextShare = setImmediate(openNextShare);
}

function openNextShare(): void {
  nextShare = undefined;
  served = 0;
  nextLook = FEW_MESSAGES;
  stretch = 1;
  opening?.resolve();
  opening = undefined;
  for (let left = runQueue.size; left > 0 && mayBeginNow(); left -= 1) {
    const runnable = runQueue.shift();
    if (runnable) runTurn(runnable);
  }
  if (runQueue.size > 0) planNextShare();
}

function newOpening(): Opening {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
