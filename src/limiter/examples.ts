/**
 * Examples: one of each sort of object that comes and goes with the calls of a limiter.
 *
 * At a full collection V8 forgets the hidden class of objects of which none is left, and throws away all code
 * that it has optimised for them. With nobody who holds or waits that is all code of the limiter: after an
 * idle time its next ten thousand calls would cost several times as much. One of each is kept, and with it
 * the code.
 */
import { type RunRequest, SlotTables } from '../slots/index.ts';
import { AcquireRunCall, type AcquireTerms, ReleaseRunCall } from './calls.ts';
import type { Desk } from './desk.ts';
import { RunSlot } from './slot.ts';
import { WaitingJob } from './waiting-job.ts';

const TERMS: AcquireTerms = {
  owner: undefined,
  kind: undefined,
  priority: 0,
  labels: undefined,
  waitTimeoutMs: Infinity,
  bonds: undefined,
};

/** Made by what makes all others, in tables of their own. */
export function examplesFor(desk: Desk): readonly object[] {
  const { limits, runIds } = desk.tables;
  const tables = new SlotTables(limits, runIds);
  const call = new AcquireRunCall(desk, 'example', 1, TERMS);
  const job = new WaitingJob(desk, 'example', 2, TERMS, () => {});
  const request: RunRequest = { ...TERMS, sessionId: 'example', runKey: 3, canWait: true };
  const held = tables.holdRun(request, 1, 0);
  tables.queueRun(call, 0);
  tables.queueRun(job, 0, job);
  return [tables, call, new RunSlot(held, desk), new ReleaseRunCall(desk, '', undefined, held)];
}
