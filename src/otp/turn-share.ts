/**
 * The event loop's share: how long turns of mailboxes may go on before timers and sockets are served.
 *
 * All servers of a thread share one allowance per macrotask: 1,024 messages or 5 ms of real time. A
 * server that still has mail when it is used up waits in the run queue, which a `setImmediate` goes on
 * with, oldest first; Node looks after timers and sockets in between. So a flood starves nobody, and a
 * flooded server starves no other. The allowance is measured in real time whatever clock the servers
 * use: it is about the loop, not about them. A slow message that follows quick ones is noticed after at
 * most 16.
 */
import { performance } from 'node:perf_hooks';
import { LinkedList, ListItem } from './linked-list.ts';

const MESSAGES_PER_MACROTASK = 1_024;
const MILLISECONDS_PER_MACROTASK = 5;
/**
 * Reading the time costs 50 ns, half of what an empty message does. So it is read after 1, 2, 4, 8, 16
 * messages while they are quick, and after each one again as soon as a stretch of them was slow.
 */
const LONGEST_STRETCH = 16;
const SLOW_STRETCH_MS = 0.25;
/** How deep turns may nest on one stack (a server that casts to one that casts to one …). */
const DEEPEST_NESTING = 32;

/** What can take a turn. It waits in the run queue once at most. */
export abstract class Runnable extends ListItem {
  abstract takeTurn(): void;
}

let served = 0;
let nextLook = 1;
let stretch = 1;
let readTime: () => number = () => performance.now();
let startedAt = 0;
let lookedAt = 0;
let nesting = 0;
let looks = 0;
let nextShare: NodeJS.Immediate | undefined;
const runQueue = new LinkedList<Runnable>();

/** Counts one message. False means that the turn must go on in a later macrotask. */
export function spendShare(): boolean {
  served += 1;
  return served < nextLook || lookAtTheTime();
}

/** Whether a turn may begin on this stack, now. */
export function mayBeginNow(): boolean {
  return hasShareLeft() && mayNest();
}

/** Whether the loop's share is not used up yet. */
export function hasShareLeft(): boolean {
  return served < MESSAGES_PER_MACROTASK;
}

/** Whether one more turn may begin within those on this stack. */
export function mayNest(): boolean {
  return nesting < DEEPEST_NESTING;
}

/** Marks that a turn has begun on this stack, the first of a macrotask from now; `leaveTurn` follows. */
export function enterTurn(): void {
  nesting += 1;
  if (served > 0) return;
  looks += 1;
  startedAt = lookedAt = readTime();
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
  planNextShare();
}

/** For tests: what the share is measured by. Real time makes it depend on the machine's load. */
export function measureShareBy(read: () => number): void {
  readTime = read;
}

/** Rises whenever the time was looked at: with every macrotask, and every few messages within one. */
export function timesLooked(): number {
  return looks;
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

function lookAtTheTime(): boolean {
  looks += 1;
  if (served >= MESSAGES_PER_MACROTASK) return false;
  const now = readTime();
  if (served === 1) planNextShare();
  if (now - startedAt >= MILLISECONDS_PER_MACROTASK) served = MESSAGES_PER_MACROTASK;
  stretch = now - lookedAt < SLOW_STRETCH_MS ? Math.min(2 * stretch, LONGEST_STRETCH) : 1;
  nextLook = Math.min(served + stretch, MESSAGES_PER_MACROTASK);
  lookedAt = now;
  return served < MESSAGES_PER_MACROTASK;
}

function planNextShare(): void {
  if (nextShare === undefined) nextShare = setImmediate(openNextShare);
}

function openNextShare(): void {
  nextShare = undefined;
  served = 0;
  nextLook = 1;
  stretch = 1;
  for (let left = runQueue.size; left > 0 && mayBeginNow(); left -= 1) {
    const runnable = runQueue.shift();
    if (runnable) runTurn(runnable);
  }
  if (runQueue.size > 0) planNextShare();
}
