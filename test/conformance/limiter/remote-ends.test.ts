/**
 * Threads that end, in whatever way: each is a holder that is down.
 */
import { describe, expect, test } from 'vitest';
import { exit } from '../../../src/index.ts';
import { recordEvents, settle } from '../../../src/testing.ts';
import { counts, EMPTY, lossOf, outcomes, start, wait } from '../../support/callers.ts';
import { happens } from '../../support/happenings.ts';
import { RemoteThread, type ToldSlot } from '../../support/remote-thread.ts';

/** Each way in which a thread can end, or leave. */
const ENDS: readonly [string, (thread: RemoteThread) => unknown][] = [
  ['exits', (thread) => thread.post('exit')],
  ['throws', (thread) => thread.post('crash')],
  ['is terminated', (thread) => thread.terminate()],
  ['closes its port', (thread) => thread.do('close')],
];

const FOR_EVER = { waitTimeoutMs: Infinity };
const ended = (id: string) => happens('run_slot_ended', ({ runId }) => runId === id);

describe.each(ENDS)('a thread that %s', (_how, end) => {
  test('losing its slots as holder_down, and nobody else any', async () => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    await using neighbour = await RemoteThread.connect(limiter);
    const own = await limiter.acquireRunSlot('s9', 'own');
    await neighbour.do('acquireRun', 's9', 'of-neighbour');
    using recorder = recordEvents(['session_slot_ended', 'run_slot_ended']);
    await thread.do('acquireSession', 's1');
    await thread.do('acquireRun', 's2', 'r1');
    await thread.do('acquireRun', 's2', 'r2');
    const gone = ended('r2');
    await end(thread);
    expect(await gone).toMatchObject({ reason: 'holder_down' });
    await settle();
    expect(recorder.events).toHaveLength(3);
    expect(recorder.events).toMatchObject(Array(3).fill({ reason: 'holder_down' }));
    expect(lossOf(own)).toBe(undefined);
    expect(await neighbour.do('look', 'of-neighbour')).toMatchObject({ isLost: false });
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 2 });
  });

  test('leaving the queue, and its room to the next', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('acquireRun', 's1', 'r1');
    thread.post('acquireRun', 's1', 'r2', FOR_EVER);
    await thread.roundTrip();
    const next = wait(limiter, ['s2', 'r3']);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1, waitingRuns: 2 });
    using recorder = recordEvents(['run_slot_refused']);
    const gone = ended('r1');
    await end(thread);
    await gone;
    await settle();
    expect(outcomes([next])).toEqual(['granted']);
    expect(recorder.events).toMatchObject([{ runId: 'r2', code: 'withdrawn' }]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('taking the runs of its session with it, whoever has acquired them', async () => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('acquireSession', 's1');
    const run = await limiter.acquireRunSlot('s1', 'r1');
    const gone = ended('r1');
    await end(thread);
    expect(await gone).toMatchObject({ reason: 'cascade' });
    expect([lossOf(run), counts(limiter)]).toEqual(['cascade', EMPTY]);
  });

  test('leaving a slot that this thread was given first', async () => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    const first = await limiter.acquireRunSlot('s1', 'r1');
    const again = await thread.do<ToldSlot>('acquireRun', 's1', 'r1');
    await thread.do('acquireRun', 's1', 'r2');
    const gone = ended('r2');
    await end(thread);
    await gone;
    expect([again.token, lossOf(first)]).toEqual([first.token, undefined]);
    expect(counts(limiter)).toEqual({ ...EMPTY, activeRuns: 1 });
  });

  test('being noticed although the limiter is being restarted', async () => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('acquireRun', 's1', 'r1');
    const gone = ended('r1');
    exit(limiter.ref, new Error('crash'));
    await end(thread);
    expect(await gone).toMatchObject({ reason: 'holder_down' });
    expect(limiter.getStatus()).toMatchObject({ state: 'accepting', activeRuns: 0, restarts: 1 });
  });
});

describe('a port that was closed', () => {
  test.each<[string, unknown[]]>([
    ['acquireSession', ['s1']],
    ['acquireRun', ['s1', 'r1', FOR_EVER]],
    ['withRun', ['s1']],
    ['releaseRun', ['r1']],
    ['releaseSession', ['s1']],
    ['renewRun', ['r1', 1]],
    ['renewSession', ['s1', 1]],
  ])('rejecting %s with server_down', async (act, args) => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('close');
    expect(await thread.failure(act, ...args)).toMatchObject({
      code: 'server_down',
      isFault: true,
      isRefusal: false,
    });
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('rejecting the calls that were open with server_down', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await using thread = await RemoteThread.connect(limiter);
    await limiter.acquireRunSlot('s1', 'r0');
    const waiting = thread.failure('acquireRun', 's1', 'r1', FOR_EVER);
    await thread.roundTrip();
    const left = happens('run_slot_refused', ({ runId }) => runId === 'r1');
    await thread.do('close');
    expect(await waiting).toMatchObject({ code: 'server_down' });
    expect(await left).toMatchObject({ code: 'withdrawn' });
  });

  test('being closed again without an effect', async () => {
    await using limiter = await start();
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('close');
    expect(await thread.do('close')).toBe(undefined);
  });

  test('having its own slots alone: another port of this limiter goes on', async () => {
    await using limiter = await start();
    await using closed = await RemoteThread.connect(limiter);
    await using open = await RemoteThread.connect(limiter);
    await closed.do('close');
    expect(await open.do('acquireRun', 's1', 'r1')).toMatchObject({ runId: 'r1' });
  });
});

describe('a limiter that stops', () => {
  test('telling the threads that wait and those that hold', async () => {
    const limiter = await start({ maxParallelRuns: 1 });
    await using thread = await RemoteThread.connect(limiter);
    await thread.do('acquireRun', 's1', 'r1');
    const loss = thread.do('loss', 'r1');
    const waiting = thread.failure('acquireRun', 's1', 'r2', FOR_EVER);
    await thread.roundTrip();
    await limiter.stop();
    expect(await loss).toMatchObject({ code: 'stopped', isLoss: true });
    expect(['stopped', 'server_down']).toContain((await waiting).code);
    const late = await thread.failure('acquireRun', 's1', 'r3');
    expect(['stopped', 'server_down']).toContain(late.code);
    expect(late.isFault).toBe(true);
  });
});
