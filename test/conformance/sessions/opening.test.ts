/**
 * Opening sessions: who gets one, who waits for it, and what an id stands for over time.
 */
import { describe, expect, test } from 'vitest';
import { RefusalError } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { attempt, lossOf, refusalOf } from '../../support/callers.ts';
import { freshPlace } from '../../support/journal-places.ts';
import { faultOf } from '../../support/servers.ts';
import { busy, countsOf, keep, keepOn, NOBODY, stubborn } from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };

describe('opening a session', () => {
  test('giving it a slot, and a state', async () => {
    const { keeper, clock } = await keepOn();
    const session = await keeper.openSession({
      sessionId: 's1',
      owner: 'alice',
      labels: { a: 'b' },
    });
    expect(session).toMatchObject({ sessionId: 's1', owner: 'alice', state: 'active' });
    expect([session.labels, session.isDurable]).toEqual([{ a: 'b' }, false]);
    expect([session.createdAt, session.closeReason]).toEqual([clock.now(), undefined]);
    expect([...keeper.limiter.list()]).toMatchObject([{ sessionId: 's1', token: session.token }]);
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test('making an id where none is given, another each time', async () => {
    await using keeper = await keep();
    const sessions = [await keeper.openSession(), await keeper.openSession()];
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(2);
    expect(keeper.getSession(sessions[0]?.sessionId ?? '')).toBe(sessions[0]);
  });

  test('being found by its id, and listed oldest first', async () => {
    await using keeper = await keep();
    const sessions = [];
    for (const sessionId of ['b', 'a', 'c']) sessions.push(await keeper.openSession({ sessionId }));
    expect([...keeper.sessions()]).toEqual(sessions);
    expect(keeper.getSession('nobody')).toBe(undefined);
  });

  test('being refused when all slots are held, and leaving nothing', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession();
    const refusal = await refusalOf(keeper.openSession({ sessionId: 's2' }));
    expect(refusal).toMatchObject({ code: 'max_sessions_exceeded', limit: 1, active: 1 });
    expect([keeper.getSession('s2'), countsOf(keeper)]).toEqual([undefined, OPEN]);
  });

  test('being refused per owner', async () => {
    await using keeper = await keep({ maxSessionsPerOwner: 1 });
    await keeper.openSession({ owner: 'alice' });
    const refusal = await refusalOf(keeper.openSession({ owner: 'alice' }));
    expect(refusal.code).toBe('max_sessions_per_owner_exceeded');
    expect((await keeper.openSession({ owner: 'bob' })).state).toBe('active');
  });

  test('being refused while the keeper drains', async () => {
    await using keeper = await keep();
    await keeper.drain();
    expect((await refusalOf(keeper.openSession())).code).toBe('draining');
    await keeper.limiter.resume();
    expect((await keeper.openSession()).state).toBe('active');
  });

  test('becoming JSON', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 5 });
    expect(JSON.parse(JSON.stringify(session))).toEqual({
      sessionId: 's1',
      owner: null,
      labels: {},
      state: 'active',
      closeReason: null,
      token: session.token,
      isDurable: false,
      createdAt: session.createdAt,
      lastActiveAt: session.lastActiveAt,
      endedAt: null,
      idleTimeoutMs: 5,
      maxLifetimeMs: null,
    });
  });

  test('being durable where there is a journal, and only there', async () => {
    await using keeper = await keep({}, { journal: { path: freshPlace() } });
    expect((await keeper.openSession({ durable: true })).isDurable).toBe(true);
    await using other = await keep();
    expect((await faultOf(other.openSession({ durable: true }))).code).toBe('invalid_option');
    expect(countsOf(other)).toEqual(NOBODY);
  });
});

describe('waiting for a session', () => {
  test('being granted in order', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    const first = await keeper.openSession();
    const asked = ['s2', 's3'].map((sessionId) => {
      return attempt(keeper.openSession({ sessionId, waitTimeoutMs: Infinity }));
    });
    await settle();
    expect(keeper.getSession('s2')?.state).toBe('opening');
    expect(countsOf(keeper)).toMatchObject({ waitingSessions: 2, openSessions: 3 });
    await first.close();
    await settle();
    expect(asked.map(({ outcome }) => outcome)).toEqual(['granted', 'waiting']);
    await keeper.getSession('s2')?.close();
    await settle();
    expect(asked[1]?.value?.state).toBe('active');
  });

  test('ending with waitTimeoutMs, exactly, and leaving nothing', async () => {
    const { keeper, clock } = await keepOn({ maxParallelSessions: 1 });
    await keeper.openSession();
    const asked = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: 1_000 }));
    await clock.advance(999);
    expect(asked.outcome).toBe('waiting');
    await clock.advance(1);
    expect([asked.outcome, keeper.getSession('s2')]).toEqual(['wait_timeout', undefined]);
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test.each(['at once', 'later'])('ending with its signal, aborted %s', async (when) => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession();
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = { sessionId: 's2', waitTimeoutMs: Infinity, signal: controller.signal };
    const asked = attempt(keeper.openSession(options));
    if (when === 'later') await settle();
    controller.abort(reason);
    await settle();
    expect([asked.error, keeper.getSession('s2')]).toEqual([reason, undefined]);
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('not beginning with a signal that has aborted', async () => {
    await using keeper = await keep();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(keeper.openSession({ signal })).rejects.toBe(signal.reason);
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('having no use for its signal once it is open', async () => {
    await using keeper = await keep();
    const controller = new AbortController();
    const session = await keeper.openSession({ signal: controller.signal });
    controller.abort();
    await settle();
    expect(session.state).toBe('active');
  });

  test('ending with a release of its id', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession();
    const asked = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: Infinity }));
    await settle();
    await keeper.limiter.releaseSessionSlot('s2');
    await settle();
    expect([asked.outcome, keeper.getSession('s2')]).toEqual(['withdrawn', undefined]);
  });

  test('ending with its close, before it was open', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession();
    const asked = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: Infinity }));
    await settle();
    const report = await keeper.getSession('s2')?.close();
    await settle();
    expect(report).toMatchObject({ reason: 'released', isComplete: true, steps: [] });
    expect(asked.error).toMatchObject({ code: 'session_closed', details: { reason: 'released' } });
    expect([keeper.getSession('s2'), countsOf(keeper)]).toEqual([undefined, OPEN]);
  });

  test('ending in a close in the breath in which it was asked for', async () => {
    await using keeper = await keep();
    const asked = attempt(keeper.openSession({ sessionId: 's1' }));
    const report = await keeper.getSession('s1')?.close();
    await settle();
    expect([report?.isComplete, asked.outcome]).toEqual([true, 'session_closed']);
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('refusing runs until it is open', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    await keeper.openSession();
    attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: Infinity }));
    await settle();
    const run = keeper.getSession('s2')?.run(() => 1) ?? Promise.resolve();
    expect((await faultOf(run)).code).toBe('session_closed');
  });
});

describe('the id of a session', () => {
  test('giving the session that is open, with the options that it has', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    const session = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 5_000 });
    const again = await keeper.openSession({ sessionId: 's1', idleTimeoutMs: 9 });
    expect([again === session, again.idleTimeoutMs]).toEqual([true, 5_000]);
  });

  test('giving one session to all who open it at once', async () => {
    await using keeper = await keep();
    const opening = [1, 2, 3].map(() => keeper.openSession({ sessionId: 's1' }));
    expect(new Set(await Promise.all(opening)).size).toBe(1);
    expect(countsOf(keeper)).toEqual(OPEN);
  });

  test('belonging to its owner while it is open', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1', owner: 'alice' });
    for (const options of [{ sessionId: 's1', owner: 'bob' }, { sessionId: 's1' }]) {
      expect((await refusalOf(keeper.openSession(options))).code).toBe('session_id_conflict');
    }
    await session.close();
    const next = await keeper.openSession({ sessionId: 's1', owner: 'bob' });
    expect([next === session, next.owner]).toEqual([false, 'bob']);
  });

  test('being closed for a while, and then free', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const it = stubborn();
    await session.run(it.work);
    await settle();
    const closed = session.close();
    await settle();
    expect((await faultOf(keeper.openSession({ sessionId: 's1' }))).code).toBe('session_closing');
    it.open(0);
    await closed;
    const next = await keeper.openSession({ sessionId: 's1' });
    expect([next.state, session.state]).toEqual(['active', 'closed']);
    expect(next.token).toBeGreaterThan(session.token);
  });

  test('standing for the new one, while the old one stays what it was', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    await session.close();
    const next = await keeper.openSession({ sessionId: 's1' });
    expect(keeper.getSession('s1')).toBe(next);
    expect(await session.close()).toMatchObject({ reason: 'released', isComplete: true });
    expect((await faultOf(session.run(() => 1))).code).toBe('session_closed');
    expect(next.state).toBe('active');
  });

  test('taking over a slot that the limiter holds for it already', async () => {
    await using keeper = await keep();
    const slot = await keeper.limiter.acquireSessionSlot('s1');
    const session = await keeper.openSession({ sessionId: 's1' });
    expect([session.token, countsOf(keeper)]).toEqual([slot.token, OPEN]);
    await session.close();
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('not taking over a slot of another owner', async () => {
    await using keeper = await keep();
    const slot = await keeper.limiter.acquireSessionSlot('s1', { owner: 'alice' });
    const refused = await faultOf(keeper.openSession({ sessionId: 's1', owner: 'bob' }));
    expect(refused).toBeInstanceOf(RefusalError);
    expect([refused.code, lossOf(slot)]).toEqual(['session_id_conflict', undefined]);
    expect(countsOf(keeper)).toEqual({ ...NOBODY, activeSessions: 1 });
  });

  test('not taking over a slot that lives for another time, which stays as it is', async () => {
    await using keeper = await keep({}, { journal: { path: freshPlace() } });
    const slot = await keeper.limiter.acquireSessionSlot('s1');
    const refused = await faultOf(keeper.openSession({ sessionId: 's1', durable: true }));
    expect([refused.code, lossOf(slot)]).toEqual(['session_id_conflict', undefined]);
    await keeper.limiter.releaseSessionSlot('s1');
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test('being given to who acquires it from the limiter, too', async () => {
    await using keeper = await keep();
    const session = await keeper.openSession({ sessionId: 's1' });
    const slot = await keeper.limiter.acquireSessionSlot('s1');
    expect([slot.token, countsOf(keeper)]).toEqual([session.token, OPEN]);
  });
});

describe('the holder of a session', () => {
  test('closing it when he is down, and its runs', async () => {
    await using keeper = await keep();
    const holder = new AbortController();
    const session = await keeper.openSession({ holder: holder.signal });
    const run = await busy(session, 'r1');
    holder.abort();
    expect((await session.closed).reason).toBe('released');
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', NOBODY]);
  });

  test('getting none when he is down already', async () => {
    await using keeper = await keep();
    const opening = keeper.openSession({ holder: AbortSignal.abort() });
    expect((await faultOf(opening)).code).toBe('noproc');
    expect(countsOf(keeper)).toEqual(NOBODY);
  });
});

describe('the status of a keeper', () => {
  test('being the same frozen value while nothing has changed', async () => {
    await using keeper = await keep();
    const empty = keeper.getStatus();
    expect([Object.isFrozen(empty), keeper.getStatus() === empty]).toEqual([true, true]);
    const session = await keeper.openSession();
    const open = keeper.getStatus();
    expect(open).toMatchObject({ openSessions: 1, stuckRuns: 0, activeSessions: 1 });
    await session.close();
    expect(keeper.getStatus()).toMatchObject({ openSessions: 0, activeSessions: 0 });
  });
});

describe('opening a session that somebody waits for', () => {
  /** A keeper without room, and somebody who waits for `s2`. */
  async function crowded() {
    const keeper = await keep({ maxParallelSessions: 1 });
    const first = await keeper.openSession({ sessionId: 's1' });
    const leaving = new AbortController();
    const waiting = { sessionId: 's2', waitTimeoutMs: Infinity };
    const one = attempt(keeper.openSession({ ...waiting, signal: leaving.signal }));
    await settle();
    return { keeper, first, leaving, waiting, one };
  }

  test('sharing the wait, and the session', async () => {
    const { keeper, first, waiting, one } = await crowded();
    const other = attempt(keeper.openSession(waiting));
    await first.close();
    await settle();
    expect([one.value, other.value]).toEqual([keeper.getSession('s2'), keeper.getSession('s2')]);
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test('waiting on when the first one has gone, and having it then', async () => {
    const { keeper, first, leaving, waiting, one } = await crowded();
    const other = attempt(keeper.openSession(waiting));
    leaving.abort();
    await settle();
    expect([one.error, other.outcome]).toEqual([leaving.signal.reason, 'waiting']);
    await first.close();
    await settle();
    expect(other.value).toBe(keeper.getSession('s2'));
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test('leaving by itself, and the first one having it', async () => {
    const { keeper, first, waiting, one } = await crowded();
    const leaving = new AbortController();
    const other = attempt(keeper.openSession({ ...waiting, signal: leaving.signal }));
    const impatient = keeper.openSession({ sessionId: 's2' });
    expect((await refusalOf(impatient)).code).toBe('max_sessions_exceeded');
    leaving.abort('enough');
    await settle();
    expect(other.error).toBe('enough');
    await first.close();
    await settle();
    expect(one.value).toBe(keeper.getSession('s2'));
    await keeper.stop();
  });

  /** The same, where the first one has gone and another waits on alone. */
  async function deserted() {
    const { keeper, first, leaving, waiting } = await crowded();
    const own = new AbortController();
    const other = attempt(
      keeper.openSession({ ...waiting, idleTimeoutMs: 5_000, signal: own.signal }),
    );
    leaving.abort();
    await settle();
    return { keeper, first, waiting, own, other };
  }

  test('having no session yet when the first one has gone, but its place in the queue', async () => {
    const { keeper, first, other } = await deserted();
    expect([keeper.getSession('s2'), countsOf(keeper)]).toEqual([
      undefined,
      { ...OPEN, waitingSessions: 1 },
    ]);
    await first.close();
    await settle();
    expect(other.value?.idleTimeoutMs).toBe(5_000);
    await keeper.stop();
  });

  test('having the session of who asks after the first one has gone', async () => {
    const { keeper, first, waiting, other } = await deserted();
    const third = attempt(keeper.openSession({ ...waiting, idleTimeoutMs: 7_000 }));
    await settle();
    expect(countsOf(keeper)).toEqual({ ...OPEN, openSessions: 2, waitingSessions: 1 });
    await first.close();
    await settle();
    expect([other.value === third.value, other.value?.idleTimeoutMs]).toEqual([true, 7_000]);
    await keeper.limiter.releaseSessionSlot('s2');
    await settle();
    expect([third.value?.closeReason, countsOf(keeper)]).toEqual(['released', NOBODY]);
    await keeper.stop();
  });

  test('having a slot that is managed, though a caller of the limiter has waited first', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    const first = await keeper.openSession({ sessionId: 's1' });
    const waiting = { waitTimeoutMs: Infinity };
    const raw = attempt(keeper.limiter.acquireSessionSlot('s2', waiting));
    const opened = attempt(keeper.openSession({ sessionId: 's2', ...waiting }));
    await first.close();
    await settle();
    expect([raw.value?.token, opened.value?.state]).toEqual([opened.value?.token, 'active']);
    await keeper.limiter.releaseSessionSlot('s2');
    await settle();
    expect([opened.value?.closeReason, countsOf(keeper)]).toEqual(['released', NOBODY]);
  });

  test('having it when the first one leaves in the breath in which it is granted', async () => {
    await using keeper = await keep({ maxParallelSessions: 1 });
    const slot = await keeper.limiter.acquireSessionSlot('s1');
    const leaving = new AbortController();
    const waiting = { sessionId: 's2', waitTimeoutMs: Infinity };
    const one = attempt(keeper.openSession({ ...waiting, signal: leaving.signal }));
    const other = attempt(keeper.openSession(waiting));
    await settle();
    leaving.abort('enough');
    await slot.release();
    await settle();
    expect([one.error, other.value?.state, countsOf(keeper)]).toEqual(['enough', 'active', OPEN]);
  });

  test('having no use for its signal from the breath on in which it is granted', async () => {
    for (let breaths = 0; breaths < 10; breaths += 1) {
      const { keeper, first, own, other } = await deserted();
      void first.close();
      for (let breath = 0; breath < breaths; breath += 1) await Promise.resolve();
      own.abort('enough');
      await settle();
      const foreseen = other.value ? ['active', OPEN] : [undefined, NOBODY];
      expect([keeper.getSession('s2')?.state, countsOf(keeper)]).toEqual(foreseen);
      await keeper.stop();
    }
  });

  test.each(['before', 'as'])(
    'sharing it, where the first one left %s it is granted',
    async (when) => {
      const { keeper, first, leaving, waiting } = await crowded();
      const others = [1, 2, 3].map(() => attempt(keeper.openSession(waiting)));
      if (when === 'before') leaving.abort();
      await settle();
      const closed = first.close();
      if (when === 'as') leaving.abort();
      await closed;
      await settle();
      expect(new Set(others.map(({ value }) => value))).toEqual(new Set([keeper.getSession('s2')]));
      expect(countsOf(keeper)).toEqual(OPEN);
      await keeper.stop();
    },
  );

  test('ending with a release of its id for all of them', async () => {
    const { keeper, waiting, one } = await crowded();
    const other = attempt(keeper.openSession(waiting));
    expect(await keeper.limiter.releaseSessionSlot('s2')).toMatchObject({ waiters: 1 });
    await settle();
    expect([one.outcome, other.outcome, countsOf(keeper)]).toEqual([
      'withdrawn',
      'withdrawn',
      OPEN,
    ]);
    await keeper.stop();
  });

  test('ending with the close of the session that somebody waits for', async () => {
    const { keeper, waiting, one } = await crowded();
    const other = attempt(keeper.openSession(waiting));
    await settle();
    await keeper.getSession('s2')?.close();
    await settle();
    expect([one.outcome, other.outcome]).toEqual(['session_closed', 'withdrawn']);
    expect(countsOf(keeper)).toEqual(OPEN);
    await keeper.stop();
  });

  test('ending with the keeper, before what it closes makes room', async () => {
    const { keeper, first, other } = await deserted();
    expect(await keeper.stop()).toEqual({ isComplete: true, sessions: 1, abandoned: [] });
    await settle();
    expect([first.closeReason, other.outcome, countsOf(keeper)]).toEqual([
      'shutdown',
      'withdrawn',
      NOBODY,
    ]);
  });

  test('ending with its own time, while the first one waits on', async () => {
    const { keeper, clock } = await keepOn({ maxParallelSessions: 1 });
    await keeper.openSession({ sessionId: 's1' });
    const one = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: Infinity }));
    const other = attempt(keeper.openSession({ sessionId: 's2', waitTimeoutMs: 1_000 }));
    await clock.advance(1_000);
    expect([one.outcome, other.outcome]).toEqual(['waiting', 'wait_timeout']);
    expect(keeper.getSession('s2')?.state).toBe('opening');
    await keeper.stop();
  });
});

describe('a session slot that was acquired directly and taken over', () => {
  test('closing the session when it is given back through the first handle', async () => {
    await using keeper = await keep();
    const slot = await keeper.limiter.acquireSessionSlot('s1');
    const session = await keeper.openSession({ sessionId: 's1' });
    const run = await busy(session, 'r1');
    await slot.release();
    expect((await session.closed).reason).toBe('released');
    expect([run.state, countsOf(keeper)]).toEqual(['cancelled', NOBODY]);
  });
});
