/**
 * The events of sessions and runs: each once, after it is true, with what the catalogue says.
 */
import { describe, expect, test } from 'vitest';
import { type EventName, onEvent } from '../../../src/index.ts';
import { recordEvents, settle } from '../../../src/testing.ts';
import { freshPlace } from '../../support/journal-places.ts';
import { busy, keep, keepOn, stubborn } from '../../support/sessions.ts';

const EVENTS: EventName[] = [
  'session_opened',
  'session_closed',
  'run_queued',
  'run_started',
  'run_stuck',
  'run_ended',
];

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type);

describe('the events of a session', () => {
  test('telling its opening and its end', async () => {
    const { keeper, clock } = await keepOn();
    using recorder = recordEvents(EVENTS);
    const session = await keeper.openSession({ sessionId: 's1', owner: 'alice' });
    await clock.advance(250);
    await session.close();
    const facts = { sessionId: 's1', owner: 'alice' };
    const { token } = session;
    expect(recorder.events).toEqual([
      { type: 'session_opened', ...facts, token, isDurable: false, isRestored: false },
      { type: 'session_closed', ...facts, reason: 'released', lifetimeMs: 250 },
    ]);
    await keeper.stop();
  });

  test('telling which one is durable', async () => {
    await using keeper = await keep({}, { journal: { path: freshPlace() } });
    using recorder = recordEvents(['session_opened']);
    await keeper.openSession({ durable: true });
    expect(recorder.events).toMatchObject([{ isDurable: true, isRestored: false }]);
  });

  test('being none for who was never open, or was open already', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession({ sessionId: 's1' });
    using recorder = recordEvents(EVENTS);
    await keeper.openSession({ sessionId: 's1' });
    await keeper.openSession({ sessionId: 's2' }).catch(() => {});
    const waiting = keeper
      .openSession({ sessionId: 's3', waitTimeoutMs: Infinity })
      .catch(() => {});
    await settle();
    await keeper.getSession('s3')?.close();
    await waiting;
    expect(recorder.events).toEqual([]);
  });
});

describe('the events of a run', () => {
  test('telling its wait, its beginning and its end', async () => {
    const { keeper, clock } = await keepOn({ maxParallelRuns: 1 });
    const session = await keeper.openSession({ sessionId: 's1' });
    const first = await busy(session, 'r1');
    await settle();
    using recorder = recordEvents(EVENTS);
    const it = stubborn();
    const run = await session.run(it.work, { runId: 'r2', waitTimeoutMs: Infinity });
    await clock.advance(100);
    await first.cancel();
    await clock.advance(50);
    it.open(5);
    await run.result();
    const facts = { sessionId: 's1', runId: 'r2' };
    const told = recorder.events.filter((event) => 'runId' in event && event.runId === 'r2');
    expect(told).toEqual([
      { type: 'run_queued', ...facts },
      { type: 'run_started', ...facts, token: run.token, waitedMs: 100 },
      { type: 'run_ended', ...facts, state: 'succeeded', reason: undefined, workedMs: 50 },
    ]);
    await keeper.stop();
  });

  test('telling nothing of a wait that there was not', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    using recorder = recordEvents(EVENTS);
    await (await session.run(() => 5)).result();
    expect(typesOf(recorder.events)).toEqual(['run_started', 'run_ended']);
  });

  test('telling why it was ended, and that it never worked', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    const run = await busy(session, 'r2');
    using recorder = recordEvents(EVENTS);
    await run.cancel();
    expect(recorder.events).toMatchObject([
      {
        type: 'run_ended',
        runId: 'r2',
        kind: undefined,
        state: 'cancelled',
        reason: 'cancelled',
        workedMs: undefined,
      },
    ]);
  });

  test('telling of what kind it was', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    using recorder = recordEvents(EVENTS);
    await (await session.run(() => 5, { kind: 'gpu' })).result();
    expect(recorder.events.at(-1)).toMatchObject({ type: 'run_ended', kind: 'gpu' });
  });

  test('telling of work that goes on when its outcome is told, and when it is gone', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    await session.run(it.work, { runId: 'r1', deadlineMs: 100 });
    await settle();
    using recorder = recordEvents(EVENTS);
    await clock.advance(300);
    const facts = { sessionId: 's1', runId: 'r1', state: 'timed_out' };
    expect(recorder.events).toEqual([{ type: 'run_stuck', ...facts }]);
    it.open(0);
    await settle();
    expect(recorder.events.slice(1)).toEqual([
      { type: 'run_ended', ...facts, reason: 'deadline', workedMs: 300 },
    ]);
    await keeper.stop();
  });

  test('being none for who was refused', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    await settle();
    using recorder = recordEvents(EVENTS);
    await session.run(() => 5).catch(() => {});
    expect(recorder.events).toEqual([]);
  });

  test('being told when they are true', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const seen: unknown[] = [];
    const look = ({ runId }: { readonly runId: string }): void => {
      const run = keeper.getRun(runId);
      seen.push([run?.state, keeper.getStatus().activeRuns, session.runs({ ended: true })]);
      seen.push(session.runs());
    };
    const stop = onEvent('run_ended', look);
    const run = await session.run(() => 5);
    await run.result();
    stop();
    expect(seen).toEqual([['succeeded', 0, [run]], []]);
  });

  test('coming before the end of its session', async () => {
    await using keeper = await keep({ maxParallelRuns: 1 });
    const session = await keeper.openSession();
    await busy(session, 'r1');
    await busy(session, 'r2');
    await settle();
    using recorder = recordEvents(EVENTS);
    await session.close();
    expect(typesOf(recorder.events).filter((type) => type !== 'run_stuck')).toEqual([
      'run_ended',
      'run_ended',
      'session_closed',
    ]);
  });

  test('letting a listener end the run that it is told of', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const it = stubborn();
    const stop = onEvent('run_started', ({ runId }) => void keeper.getRun(runId)?.cancel());
    const run = await session.run(it.work);
    expect((await run.outcome).state).toBe('cancelled');
    stop();
    expect([run.state, it.context?.signal.aborted]).toEqual(['stopping', true]);
    it.open(0);
    await settle();
    expect(run.state).toBe('cancelled');
  });
});
