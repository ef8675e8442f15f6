/**
 * Rows of `list()`, as they are of what was acquired without an option, on a clock that stands still.
 */
import type { SlotRow } from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';

export type RunRow = Extract<SlotRow, { readonly type: 'run' }>;
export type SessionRow = Extract<SlotRow, { readonly type: 'session' }>;

/** What a simulated clock begins with. */
export const EPOCH = new SimulatedClock().now();

type Known<Row, Keys extends keyof Row> = Pick<Row, Keys> & Partial<Row>;

/** What is absent is null; who holds has no priority any more, who waits has no token yet. */
export function runRow(row: Known<RunRow, 'sessionId' | 'runId' | 'state'>): RunRow {
  return {
    type: 'run',
    owner: null,
    kind: null,
    token: null,
    priority: row.state === 'held' ? null : 0,
    sinceAt: EPOCH,
    labels: {},
    leaseMs: null,
    holder: null,
    ...row,
  };
}

export function sessionRow(row: Known<SessionRow, 'sessionId' | 'state'>): SessionRow {
  return {
    type: 'session',
    owner: null,
    token: null,
    priority: row.state === 'held' ? null : 0,
    sinceAt: EPOCH,
    labels: {},
    leaseMs: null,
    holder: null,
    ...row,
  };
}
