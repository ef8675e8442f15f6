/**
 * Events: each grant, refusal and end is published once, with its facts; repeats and joins are not.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test } from 'vitest';
import { catalogue, exit } from '../../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../../src/testing.ts';
import {
  ask,
  attempt,
  granted,
  LIMITER_EVENTS,
  PATIENT,
  refusalOf,
  start,
  wait,
} from '../../support/callers.ts';

const record = () => recordEvents([...LIMITER_EVENTS]);
const only = (type: string) => (event: { readonly type: string }) => event.type === type;

const FACTS = { owner: 'alice', kind: 'exec', labels: { tool: 'lint' } };

describe('events of a grant', () => {
  test('telling session, run, token, owner, kind and labels', async () => {
    await using limiter = await start();
    using recorder = record();
    const { token } = await limiter.acquireRunSlot('s1', 'r1', FACTS);
    expect(recorder.events).toEqual([
      { type: 'run_slot_granted', sessionId: 's1', runId: 'r1', token, waitedMs: 0, ...FACTS },
    ]);
  });

  test('telling the same of a session, which has no run', async () => {
    await using limiter = await start();
    using recorder = record();
    const options = { owner: 'alice', labels: { tool: 'lint' } };
    const { token } = await limiter.acquireSessionSlot('s1', options);
    expect(recorder.events).toEqual([
      { type: 'session_slot_granted', sessionId: 's1', token, waitedMs: 0, ...options },
    ]);
  });

  test('telling how long it was waited for', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    const waiting = wait(limiter, ['s1', 'r2']);
    await clock.advance(250);
    using recorder = record();
    await held.release();
    await settle();
    expect(recorder.events.filter(only('run_slot_granted'))).toMatchObject([
      { sessionId: 's1', runId: 'r2', token: waiting.value?.token, waitedMs: 250 },
    ]);
  });

  test('being one for all who have joined a wait', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    for (let joiner = 0; joiner < 3; joiner++) wait(limiter, ['s1', 'r2']);
    await settle();
    expect(recorder.events).toEqual([]);
    await held.release();
    await settle();
    expect(recorder.events.filter(only('run_slot_granted'))).toHaveLength(1);
  });

  test('being none for an id that is held already', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireSessionSlot('s1');
    using recorder = record();
    await limiter.acquireRunSlot('s1', 'r1');
    await limiter.acquireSessionSlot('s1');
    expect(recorder.events).toEqual([]);
  });

  test('being published for what is acquired synchronously', async () => {
    await using limiter = await start();
    using recorder = record();
    const { token } = granted(limiter.tryAcquireRunSlot('s1', 'r1'));
    expect(recorder.events).toMatchObject([{ type: 'run_slot_granted', token }]);
  });

  test('coming when the status shows it', async () => {
    await using limiter = await start();
    const seen: number[] = [];
    const note = (): unknown => seen.push(limiter.getStatus().activeRuns);
    subscribe('slotkeeper.limiter.run_slot_granted', note);
    await limiter.acquireRunSlot('s1', 'r1');
    unsubscribe('slotkeeper.limiter.run_slot_granted', note);
    expect(seen).toEqual([1]);
  });
});

describe('events of a refusal', () => {
  test('telling code, limit, active and scope', async () => {
    await using limiter = await start({ maxRunsPerKind: { exec: 1 } });
    await limiter.acquireRunSlot('s1', 'r1', { kind: 'exec' });
    using recorder = record();
    await refusalOf(limiter.acquireRunSlot('s1', 'r2', { owner: 'alice', kind: 'exec' }));
    expect(recorder.events).toEqual([
      {
        type: 'run_slot_refused',
        sessionId: 's1',
        runId: 'r2',
        code: 'max_runs_per_kind_exceeded',
        limit: 1,
        active: 1,
        scope: 'kind',
        owner: 'alice',
        kind: 'exec',
        waitedMs: 0,
      },
    ]);
  });

  test('telling the same of a session', async () => {
    await using limiter = await start({ maxParallelSessions: 1 });
    await limiter.acquireSessionSlot('s1');
    using recorder = record();
    await refusalOf(limiter.acquireSessionSlot('s2', { owner: 'alice' }));
    expect(recorder.events).toEqual([
      {
        type: 'session_slot_refused',
        sessionId: 's2',
        code: 'max_sessions_exceeded',
        limit: 1,
        active: 1,
        scope: 'global',
        owner: 'alice',
        waitedMs: 0,
      },
    ]);
  });

  test('naming no limit for a conflict', async () => {
    await using limiter = await start();
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    await refusalOf(limiter.acquireRunSlot('s2', 'r1'));
    expect(recorder.events).toEqual([
      {
        type: 'run_slot_refused',
        sessionId: 's2',
        runId: 'r1',
        code: 'run_id_conflict',
        waitedMs: 0,
      },
    ]);
  });

  test('telling how long it was waited for in vain', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs: 300 }));
    await clock.advance(300);
    expect(recorder.events).toEqual([
      {
        type: 'run_slot_refused',
        sessionId: 's1',
        runId: 'r2',
        code: 'wait_timeout',
        limit: 1,
        active: 1,
        scope: 'global',
        waitedMs: 300,
      },
    ]);
  });

  test('being one for each who has joined, at the time of each', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({ maxParallelRuns: 1 }, { clock });
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    for (const waitTimeoutMs of [10, 20]) {
      attempt(limiter.acquireRunSlot('s1', 'r2', { waitTimeoutMs }));
    }
    wait(limiter, ['s1', 'r2']);
    await clock.advance(20);
    await limiter.releaseRunSlot('r2');
    await settle();
    expect(recorder.events).toMatchObject([
      { code: 'wait_timeout', waitedMs: 10 },
      { code: 'wait_timeout', waitedMs: 20 },
      { code: 'withdrawn', waitedMs: 20 },
    ]);
  });

  test('telling of a waiter whose signal aborts that it was withdrawn', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s1', 'r1');
    const controller = new AbortController();
    using recorder = record();
    wait(limiter, ['s1', 'r2', { signal: controller.signal }]);
    controller.abort();
    await settle();
    expect(recorder.events).toMatchObject([
      { type: 'run_slot_refused', runId: 'r2', code: 'withdrawn' },
    ]);
  });

  test('being none for a signal that was aborted already', async () => {
    await using limiter = await start();
    using recorder = record();
    attempt(limiter.acquireRunSlot('s1', 'r1', { signal: AbortSignal.abort() }));
    await settle();
    expect(recorder.events).toEqual([]);
  });

  test('telling waiters of a released session why', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    await limiter.acquireRunSlot('s2', 'r1');
    wait(limiter, ['s1', 'r2']);
    using recorder = record();
    await limiter.releaseSessionSlot('s1');
    await settle();
    expect(recorder.events).toMatchObject([{ runId: 'r2', code: 'session_released' }]);
  });
});

describe('events of an end', () => {
  test('telling token, reason and how long it was held', async () => {
    const clock = new SimulatedClock();
    await using limiter = await start({}, { clock });
    const slot = await limiter.acquireRunSlot('s1', 'r1', { owner: 'alice', kind: 'exec' });
    await clock.advance(1_500);
    using recorder = record();
    await slot.release();
    expect(recorder.events).toEqual([
      {
        type: 'run_slot_ended',
        sessionId: 's1',
        runId: 'r1',
        token: slot.token,
        reason: 'released',
        owner: 'alice',
        kind: 'exec',
        heldMs: 1_500,
      },
    ]);
  });

  test('telling the same of a session', async () => {
    await using limiter = await start();
    const { token } = await limiter.acquireSessionSlot('s1', { owner: 'alice' });
    using recorder = record();
    await limiter.releaseSessionSlot('s1');
    expect(recorder.events).toEqual([
      {
        type: 'session_slot_ended',
        sessionId: 's1',
        token,
        reason: 'released',
        owner: 'alice',
        heldMs: 0,
      },
    ]);
  });

  test('telling the runs of a released session that they went by cascade', async () => {
    await using limiter = await start();
    await limiter.acquireSessionSlot('s1');
    for (const id of ['r1', 'r2']) await limiter.acquireRunSlot('s1', id);
    using recorder = record();
    await limiter.releaseSessionSlot('s1');
    const runs = recorder.events.filter(only('run_slot_ended'));
    expect(runs).toMatchObject([{ reason: 'cascade' }, { reason: 'cascade' }]);
    expect(recorder.events.filter(only('session_slot_ended'))).toMatchObject([
      { reason: 'released' },
    ]);
    expect(recorder.events).toHaveLength(3);
  });

  test('telling that the limiter stopped', async () => {
    const limiter = await start();
    await limiter.acquireSessionSlot('s1');
    await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    await limiter.stop();
    const ended = recorder.events.filter(({ type }) => type.endsWith('_slot_ended'));
    expect(ended).toHaveLength(2);
    expect(ended).toMatchObject([{ reason: 'stopped' }, { reason: 'stopped' }]);
  });

  test('being one for one grant, however often it is released', async () => {
    await using limiter = await start();
    const slot = await limiter.acquireRunSlot('s1', 'r1');
    using recorder = record();
    await Promise.all([slot.release(), slot.release(), limiter.releaseRunSlot('r1')]);
    expect(recorder.events).toHaveLength(1);
  });
});

describe('events of the limiter', () => {
  test('telling that limits were changed', async () => {
    await using limiter = await start();
    using recorder = record();
    await limiter.setLimits({ maxParallelRuns: 7 });
    expect(recorder.events).toMatchObject([{ type: 'limits_changed' }]);
  });

  test('telling nothing of limits that could not be', async () => {
    await using limiter = await start();
    using recorder = record();
    await limiter.setLimits({ maxParallelRuns: 0 }).catch(() => {});
    expect(recorder.events).toEqual([]);
  });

  test('telling that it was restarted', async () => {
    await using limiter = await start();
    using recorder = record();
    exit(limiter.ref, new Error('crash'));
    await settle();
    expect(recorder.events).toMatchObject([{ type: 'limiter_restarted' }]);
  });

  test('having nothing to say of releases that found nothing', async () => {
    await using limiter = await start();
    using recorder = record();
    await limiter.releaseRunSlot('nobody');
    await limiter.releaseSessionSlot('nobody');
    expect(recorder.events).toEqual([]);
  });

  test('telling as many ends as grants, whatever happens', async () => {
    using recorder = record();
    const limiter = await start({ maxParallelRuns: 2, maxParallelSessions: 2 });
    for (let n = 0; n < 20; n++) {
      wait(limiter, [`s${n % 3}`]);
      wait(limiter, [`s${n % 3}`, `r${n}`]);
      if (n % 4 === 3) await limiter.releaseSessionSlot(`s${n % 3}`);
      if (n % 5 === 4) await limiter.releaseRunSlot(`r${n - 2}`);
    }
    await limiter.stop();
    const tokens = (suffix: string) =>
      recorder.events.flatMap((event) =>
        event.type.endsWith(suffix) && 'token' in event ? [event.token] : [],
      );
    expect(tokens('_granted').length).toBeGreaterThan(5);
    expect([...tokens('_ended')].sort()).toEqual([...tokens('_granted')].sort());
  });
});

describe('the catalogue', () => {
  test.each(LIMITER_EVENTS)('describing %s, on a channel of the limiter', (name) => {
    expect(catalogue[name]).toMatchObject({
      channel: `slotkeeper.limiter.${name}`,
      meaning: expect.any(String),
    });
  });

  test('naming the fields that a grant and an end carry', async () => {
    expect(Object.keys(catalogue.run_slot_granted.fields).sort()).toEqual(
      ['kind', 'labels', 'owner', 'runId', 'sessionId', 'token', 'waitedMs'].sort(),
    );
    expect(Object.keys(catalogue.run_slot_ended.fields).sort()).toEqual(
      ['heldMs', 'kind', 'note', 'owner', 'reason', 'runId', 'sessionId', 'token'].sort(),
    );
  });
});

describe('labels', () => {
  test('being those that were given, whatever becomes of the object', async () => {
    await using limiter = await start({ maxParallelRuns: 1 });
    const held = await ask(limiter, ['s1', 'r1']);
    const labels: Record<string, string> = { tool: 'lint' };
    const waiting = attempt(ask(limiter, ['s1', 'r2', { ...PATIENT, labels }]));
    labels.tool = 'changed';
    using recorder = record();
    await held.release();
    await settle();
    expect(waiting.outcome).toBe('granted');
    expect(recorder.events.filter(only('run_slot_granted'))).toMatchObject([
      { labels: { tool: 'lint' } },
    ]);
  });
});
