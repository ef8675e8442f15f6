/**
 * A job: one work order of the input, with its names and what it is known by in a journal.
 */
import { createHash } from 'node:crypto';
import type { WorkOrder } from '../../config/work-order.ts';
import type { CommandOrder, RunOptions } from '../../sessions/index.ts';

export interface Job {
  /** Of its line, from 1. */
  readonly line: number;
  readonly id: string;
  readonly session: string;
  readonly priority: number;
  /** Of all that was ordered: another order under the same id has another one. */
  readonly hash: string;
  readonly order: CommandOrder;
  readonly options: RunOptions;
}

const DEFAULT_SESSION = 'default';
/** Of the run's labels: it stands in a journal with the slot. */
export const HASH_LABEL = 'order';
/** Hexadecimal digits: two orders of one id are to be told apart, not all orders of the world. */
const HASH_DIGITS = 32;

export function jobOf(work: WorkOrder, line: number): Job {
  const { session = DEFAULT_SESSION, id = String(line), priority = 0 } = work;
  const { cmd, cwd, env, stdin, deadlineMs, owner, kind } = work;
  const hash = hashOf({ session, cmd, cwd, env, stdin, deadlineMs, priority, owner, kind });
  const order = given({ cmd, cwd, env, stdin }) as CommandOrder; // of a work order, which was checked
  const terms = given({ deadlineMs, owner, kind }) as RunOptions;
  const labels = { [HASH_LABEL]: hash };
  const options = { ...terms, runId: id, priority, labels, waitTimeoutMs: Infinity };
  return { line, id, session, priority, hash, order, options };
}

function hashOf(order: object): string {
  return createHash('sha256').update(canonical(order)).digest('hex').slice(0, HASH_DIGITS);
}

/** The same for the same order, in whatever order its keys were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (isRecord(one) ? sorted(one) : one));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sorted(record: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Without what is absent. */
function given(record: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
