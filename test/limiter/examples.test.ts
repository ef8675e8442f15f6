/**
 * What an idle limiter keeps, so that a full collection does not throw its compiled code away.
 */
import { queryObjects } from 'node:v8';
import { expect, test } from 'vitest';
import { AcquireRunCall, ReleaseRunCall } from '../../src/limiter/calls.ts';
import { RunSlot } from '../../src/limiter/slot.ts';
import { WaitingJob } from '../../src/limiter/waiting-job.ts';
import { RunEntry, SessionEntry, Waiter } from '../../src/slots/index.ts';
import { Branch, Bucket } from '../../src/slots/wait-queue.ts';
import { counts, EMPTY, start } from '../support/callers.ts';

type Sort = Parameters<typeof queryObjects>[0];

const SORTS = [
  AcquireRunCall,
  Branch,
  Bucket,
  ReleaseRunCall,
  RunEntry,
  RunSlot,
  SessionEntry,
  Waiter,
  WaitingJob,
] as unknown as readonly (Sort & { readonly name: string })[];

test.each(SORTS.map((sort) => [sort.name, sort] as const))(
  'an idle limiter keeping a %s',
  async (_name, sort) => {
    await using limiter = await start();
    expect(counts(limiter)).toEqual(EMPTY);
    // It collects all that can be collected first.
    expect(queryObjects(sort, { format: 'count' })).toBeGreaterThan(0);
  },
);
