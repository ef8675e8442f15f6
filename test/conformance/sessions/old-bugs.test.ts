/**
 * What was wrong with the first session server and with the exec governance of a container manager, and is
 * not with sessions and runs. Each test is named for the behaviour that is right.
 */
import { describe, expect, test } from 'vitest';
import {
  exit,
  type LimiterOptions,
  type Run,
  type RunFunction,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
  sys,
} from '../../../src/index.ts';
import { CrashAt, SimulatedClock, settle } from '../../../src/testing.ts';
import { attempt, counts, EMPTY } from '../../support/callers.ts';
import { collect } from '../../support/garbage.ts';
import { faultOf, gate } from '../../support/servers.ts';

const PATIENT = { waitTimeoutMs: Infinity } as const;

/** A keeper on a clock of its own. */
async function start(options: LimiterOptions = {}) {
  const clock = new SimulatedClock();
  return { clock, keeper: await startSlotkeeper({ clock, ...options }) };
}

/** A function that goes on until its signal aborts. */
const untilAborted: RunFunction<never> = ({ signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

/** Runs of one session, one after the other, each until it is over. */
async function runMany(session: Session, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await (await session.run(() => n)).outcome;
}

function heldBy(keeper: Slotkeeper): number {
  return keeper.getStatus().activeRuns;
}

describe('a session whose holder dies', () => {
  test('being closed, its work stopped, its slots free', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const holder = new AbortController();
    const session = await keeper.openSession({ holder: holder.signal });
    const run = await session.run(untilAborted);
    holder.abort();
    expect(await run.outcome).toMatchObject({ state: 'cancelled', reason: 'session_released' });
    await session.closed;
    expect(counts(keeper.limiter)).toEqual(EMPTY);
  });
});

describe('what is kept of a session', () => {
  test('not growing with the runs that it has had', async () => {
    const { keeper } = await start({ retention: { maxCount: 0 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const grown: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      await collect(2);
      const before = process.memoryUsage().heapUsed;
      await runMany(session, 2_000);
      await collect(2);
      grown.push(process.memoryUsage().heapUsed - before);
    }
    // What is compiled grows in some rounds; what is kept of each run, a hundred bytes of it, would in all.
    expect(Math.min(...grown)).toBeLessThan(100_000);
    expect(session.runs({ ended: true })).toEqual([]);
  });

  test('being forgotten, oldest first, and all of it after its time', async () => {
    const { keeper, clock } = await start({ retention: { maxCount: 100, maxAgeMs: 60_000 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const first = await session.run(() => {});
    await first.outcome;
    await runMany(session, 100);
    expect(session.runs({ ended: true })).toHaveLength(100);
    expect(keeper.getRun(first.runId)).toBeUndefined();
    await clock.advance(60_000);
    expect(session.runs({ ended: true })).toEqual([]);
  });
});

describe('a run that was asked for too late', () => {
  test('not being started when its turn comes', async () => {
    const { keeper, clock } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    await sys.suspend(keeper.limiter.ref);
    let starts = 0;
    const fault = faultOf(session.run(() => (starts += 1)));
    await clock.advance(5_000);
    expect((await fault).code).toBe('call_timeout');
    await sys.resume(keeper.limiter.ref);
    await settle();
    expect([starts, heldBy(keeper), session.runs()]).toEqual([0, 0, []]);
  });
});

describe('a limiter that crashes', () => {
  test('forgetting no run, and taking no session with it', async () => {
    const { keeper } = await start({ limits: { maxParallelRuns: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate<string>();
    const run = await session.run(() => work.opened);
    exit(keeper.limiter.ref, new Error('crash'));
    await settle();
    expect(session.state).toBe('active');
    await expect(session.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    work.open('done');
    expect(await run.result()).toBe('done');
    expect(heldBy(keeper)).toBe(0);
  });
});

describe('runs that are asked for while all slots are taken', () => {
  test('waiting, and then being run, every one of them', async () => {
    const { keeper } = await start({ limits: { maxParallelRuns: 1 } });
    await using _keeper = keeper;
    const work = gate();
    await (await keeper.openSession()).run(() => work.opened);
    const session = await keeper.openSession();
    const runs: Run<number>[] = [];
    for (const n of [1, 2, 3]) runs.push(await session.run(() => n, PATIENT));
    expect(runs.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued']);
    work.open();
    expect(await Promise.all(runs.map((run) => run.result()))).toEqual([1, 2, 3]);
  });

  test('being refused where nobody may wait, and started where there is room', async () => {
    const { keeper } = await start({ limits: { maxParallelRuns: 1, maxWaiters: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate();
    const first = await session.run(() => work.opened);
    expect(first.startedAt).toBeDefined();
    const second = await session.run(() => 'waited', PATIENT);
    await expect(session.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    await expect(session.run(() => {}, PATIENT)).rejects.toMatchObject({ code: 'queue_full' });
    work.open();
    expect(await second.result()).toBe('waited');
  });
});

describe('a run that nobody knows', () => {
  test('being unknown at once', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    expect(keeper.getRun('nobody')).toBeUndefined();
    expect(session.getRun('nobody')).toBeUndefined();
    expect(keeper.limiter.explain({ runId: 'nobody' })).toMatchObject({ state: 'unknown' });
  });
});

describe('draining without a deadline', () => {
  test('lasting until the last run is over', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate();
    await session.run(() => work.opened);
    const drained = attempt(keeper.drain({ timeoutMs: Infinity }));
    await settle();
    expect(drained.outcome).toBe('waiting');
    await expect(session.run(() => {})).rejects.toMatchObject({ code: 'draining' });
    work.open();
    await settle();
    expect(drained.value).toMatchObject({ drained: true, heldRuns: 0 });
  });
});

describe('a run that is cancelled while it waits', () => {
  test.each(['mailbox', 'decide', 'change', 'journal', 'publish', 'reply', 'emit'] as const)(
    'having its outcome, though the limiter crashes over it (%s)',
    async (step) => {
      const faultPoints = new CrashAt();
      const { keeper } = await start({ limits: { maxParallelRuns: 1 }, faultPoints });
      await using _keeper = keeper;
      const session = await keeper.openSession();
      const work = gate();
      await session.run(() => work.opened);
      const run = await session.run(() => 'never', PATIENT);
      faultPoints.arm('before', step);
      expect(await run.cancel()).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
      await settle();
      expect(counts(keeper.limiter)).toMatchObject({ activeRuns: 1, waitingRuns: 0 });
      expect(run.startedAt).toBeUndefined();
      work.open();
    },
  );
});

describe('the limit of sessions', () => {
  test('being kept by those who open them, not by those who count them', async () => {
    const { keeper } = await start({ limits: { maxParallelSessions: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    expect(keeper.getStatus()).toMatchObject({ activeSessions: 1, openSessions: 1 });
    await expect(keeper.openSession()).rejects.toMatchObject({ code: 'max_sessions_exceeded' });
    const next = keeper.openSession(PATIENT);
    await session.close();
    expect((await next).state).toBe('active');
  });
});

describe('a run that was cancelled', () => {
  test('staying cancelled when it is interrupted, and being told once', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const reasons: unknown[] = [];
    const work = gate();
    const run = await session.run(({ signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return work.opened;
    });
    await run.cancel();
    expect(await run.interrupt()).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
    work.open();
    await settle();
    expect(await run.interrupt()).toMatchObject({ state: 'cancelled' });
    expect(run.history.map(({ operation }) => operation)).toEqual(['cancel']);
    expect([run.state, reasons.length]).toEqual(['cancelled', 1]);
  });

  test('holding up nobody who reads, while its work takes its time to end', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const run = await session.run(() => new Promise(() => {}), { runId: 'slow' });
    await run.cancel();
    expect([run.state, session.state]).toEqual(['stopping', 'active']);
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, stuckRuns: 1 });
    expect(await (await session.run(() => 'beside')).result()).toBe('beside');
    await keeper.limiter.evict('slow', 'never ends');
    expect(run.state).toBe('cancelled');
  });
});

describe('a crash of what stands over the sessions', () => {
  test('leaving no run alive that is not counted', async () => {
    const { keeper } = await start({ limits: { maxParallelRuns: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate();
    const run = await session.run(() => work.opened);
    exit(supervisorOf(keeper), 'kill');
    expect(await run.outcome).toMatchObject({ state: 'interrupted' });
    const next = await keeper.openSession();
    // The first function has not settled, so it is counted still.
    await expect(next.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    work.open();
    await session.closed;
    expect(await (await next.run(() => 'room')).result()).toBe('room');
  });
});

describe('a run id that is in use', () => {
  test('not being given to another run, in no session', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const [one, other] = [await keeper.openSession(), await keeper.openSession()];
    const work = gate<string>();
    const run = await one.run(() => work.opened, { runId: 'r1' });
    for (const session of [one, other]) {
      const asked = session.run(() => 'another', { runId: 'r1' });
      await expect(asked).rejects.toMatchObject({ code: 'run_id_conflict' });
    }
    expect(keeper.getRun('r1')).toBe(run);
    work.open('first');
    expect(await run.result()).toBe('first');
  });
});

describe('a session that is closed while it has runs at work', () => {
  test('counting them until they are gone', async () => {
    const { keeper } = await start({ limits: { maxParallelRuns: 2, maxRunsPerSession: 2 } });
    await using _keeper = keeper;
    const session = await keeper.openSession({ sessionId: 's1' });
    const works = [gate(), gate()];
    for (const work of works) await session.run(() => work.opened);
    const closed = session.close();
    await settle();
    await expect(keeper.openSession({ sessionId: 's1' })).rejects.toMatchObject({
      code: 'session_closing',
    });
    const other = await keeper.openSession();
    await expect(other.run(() => {})).rejects.toMatchObject({ code: 'max_runs_exceeded' });
    works[0]?.open();
    await settle();
    expect(heldBy(keeper)).toBe(1);
    works[1]?.open();
    expect(await closed).toMatchObject({ isComplete: true });
    expect(counts(keeper.limiter)).toEqual({ ...EMPTY, activeSessions: 1 });
  });

  test('taking no new ones', async () => {
    const { keeper } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate();
    await session.run(() => work.opened);
    const closed = session.close();
    await expect(session.run(() => {})).rejects.toMatchObject({
      code: 'session_closed',
      details: { reason: 'released' },
    });
    work.open();
    await closed;
  });

  test('leaving nothing when they end after it', async () => {
    const { keeper, clock } = await start({ retention: { maxAgeMs: 1_000 } });
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 60_000 });
    const work = gate();
    const run = await session.run(() => work.opened);
    const closing = session.close({ timeoutMs: 100 });
    await clock.advance(100);
    expect(await closing).toMatchObject({ isComplete: false });
    work.open();
    await session.closed;
    expect(run.state).toBe('cancelled');
    await clock.advance(1_000);
    expect(keeper.getSession('s1')).toBeUndefined();
    expect(keeper.getStatus()).toMatchObject({ openSessions: 0, stuckRuns: 0, activeRuns: 0 });
    await keeper.stop();
    expect(clock.allTimers).toBe(0);
  });
});

describe('a run whose time is over', () => {
  test('being stopped, and holding its slot until it has', async () => {
    const { keeper, clock } = await start({ limits: { maxRunsPerSession: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const [work, signals] = [gate(), [] as AbortSignal[]];
    const run = await session.run(
      ({ signal }) => {
        signals.push(signal);
        return work.opened;
      },
      { deadlineMs: 1_000 },
    );
    await clock.advance(1_000);
    expect(await run.outcome).toMatchObject({ state: 'timed_out', reason: 'deadline' });
    expect(signals[0]?.aborted).toBe(true);
    const full = { code: 'max_runs_per_session_exceeded' };
    await expect(session.run(() => {})).rejects.toMatchObject(full);
    work.open();
    await settle();
    expect(await (await session.run(() => 'next')).result()).toBe('next');
  });
});

describe('a run that is longer than the idle time of its session', () => {
  test.each(['ends well', 'fails', 'is timed out'])('being activity until it %s', async (how) => {
    const { keeper, clock } = await start();
    await using _keeper = keeper;
    const session = await keeper.openSession({ idleTimeoutMs: 30_000 });
    const deadline = how === 'is timed out' ? { deadlineMs: 100_000 } : {};
    const work = gate();
    const run = await session.run(({ signal }) => {
      signal.addEventListener('abort', () => work.open());
      return work.opened;
    }, deadline);
    await clock.advance(99_999);
    expect([session.state, run.state]).toEqual(['active', 'running']);
    await clock.advance(1);
    if (how === 'ends well') work.open();
    if (how === 'fails') work.fail(new Error('failed'));
    await run.outcome;
    await clock.advance(29_999);
    expect(session.state).toBe('active');
    await clock.advance(1);
    expect(session).toMatchObject({ state: 'closed', closeReason: 'idle_timeout' });
  });
});

describe('a session that nobody asks for again', () => {
  test('being closed all the same, and its slot free', async () => {
    const { keeper, clock } = await start();
    await using _keeper = keeper;
    const idle = await keeper.openSession({ idleTimeoutMs: 30_000 });
    const old = await keeper.openSession({ maxLifetimeMs: 60_000 });
    await clock.advance(60_000);
    const reasons = [idle, old].map(({ closeReason }) => closeReason);
    expect(reasons).toEqual(['idle_timeout', 'max_lifetime']);
    expect(counts(keeper.limiter)).toEqual(EMPTY);
  });
});

describe('a refusal', () => {
  test('not ending the session that it is about', async () => {
    const { keeper } = await start({ limits: { maxRunsPerSession: 1 } });
    await using _keeper = keeper;
    const session = await keeper.openSession();
    const work = gate<string>();
    const run = await session.run(() => work.opened);
    for (let times = 0; times < 10; times++) {
      await expect(session.run(() => {})).rejects.toMatchObject({
        code: 'max_runs_per_session_exceeded',
        limit: 1,
        active: 1,
      });
    }
    expect([session.state, run.state]).toEqual(['active', 'running']);
    work.open('alive');
    expect(await run.result()).toBe('alive');
  });
});

/** What nobody has a name for but the keeper itself. */
function supervisorOf(keeper: Slotkeeper): Parameters<typeof exit>[0] {
  return Reflect.get(Reflect.get(keeper, 'register'), 'supervisor') as Parameters<typeof exit>[0];
}
