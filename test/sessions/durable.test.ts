/**
 * Sessions that outlive their process: there again in the next one, as old and as idle as they are, and
 * closed ones told of still.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LimiterOptions, type Session, startSlotkeeper } from '../../src/index.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { freshPlace } from '../support/journal-places.ts';
import { faultOf } from '../support/servers.ts';

const HOUR = 3_600_000;
const TERMS = { durable: true, idleTimeoutMs: HOUR, maxLifetimeMs: 24 * HOUR } as const;
const PROGRAM = join(import.meta.dirname, '..', 'support', 'session-keeper.mjs');

/** One life after the other on one journal; wall time goes on between them. */
class Lives {
  readonly path = freshPlace();
  clock = new SimulatedClock();

  start(options: LimiterOptions = {}) {
    return startSlotkeeper({ journal: { path: this.path }, clock: this.clock, ...options });
  }

  /** So many milliseconds without any process. */
  pass(ms: number): void {
    this.clock = new SimulatedClock(this.clock.now() + ms);
  }
}

/** The code that it is refused with. */
async function faultCode(opened: Promise<Session>): Promise<string> {
  return (await faultOf(opened)).code;
}

const times = ({ createdAt, lastActiveAt }: Session) => ({ createdAt, lastActiveAt });

describe('a durable session', () => {
  test('being there again, with its token, its times and all that was said of it', async () => {
    const lives = new Lives();
    const first = await lives.start();
    const said = { sessionId: 's', owner: 'alice', labels: { of: 'a test' } };
    const session = await first.openSession({ ...said, ...TERMS });
    await lives.clock.advance(1_000);
    const { createdAt, token } = session;
    await first.stop();
    lives.pass(60_000);
    await using keeper = await lives.start();
    const again = keeper.getSession('s');
    expect(again?.toJSON()).toMatchObject({ ...said, state: 'active', token, createdAt });
    expect(again?.toJSON()).toMatchObject({ idleTimeoutMs: HOUR, maxLifetimeMs: 24 * HOUR });
    expect([...keeper.sessions()]).toEqual([again]);
    expect(keeper.getStatus()).toMatchObject({ activeSessions: 1, openSessions: 1 });
  });

  test('having been idle while no process was there', async () => {
    const lives = new Lives();
    const first = await lives.start();
    const session = await first.openSession({ sessionId: 's', ...TERMS });
    const run = await session.run(() => 'done');
    await run.outcome;
    const before = times(session);
    await first.stop();
    lives.pass(HOUR - 1_000);
    const second = await lives.start();
    const again = second.getSession('s') as Session;
    expect(times(again)).toEqual(before);
    await lives.clock.advance(999);
    expect(again.state).toBe('active');
    await lives.clock.advance(1);
    expect(again).toMatchObject({ state: 'closed', closeReason: 'idle_timeout' });
    await second.stop();
  });

  test('being closed at once when its time was over meanwhile, the lifetime first', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await first.openSession({ sessionId: 'idle', ...TERMS });
    await first.openSession({ sessionId: 'old', ...TERMS, maxLifetimeMs: HOUR });
    await first.stop();
    lives.pass(2 * HOUR);
    await using keeper = await lives.start();
    await lives.clock.advance(0);
    expect(keeper.getSession('idle')?.closeReason).toBe('idle_timeout');
    expect(keeper.getSession('old')?.closeReason).toBe('max_lifetime');
    expect(keeper.getStatus()).toMatchObject({ activeSessions: 0, openSessions: 0 });
  });

  test('not being taken for idle when the wall clock was put back', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await first.openSession({ sessionId: 's', ...TERMS });
    await first.stop();
    lives.pass(-5 * HOUR);
    await using keeper = await lives.start();
    await lives.clock.advance(HOUR - 1);
    expect(keeper.getSession('s')?.state).toBe('active');
    await lives.clock.advance(1);
    expect(keeper.getSession('s')?.closeReason).toBe('idle_timeout');
  });

  test('being gone when it was closed, and told of with its reason', async () => {
    const lives = new Lives();
    const first = await lives.start();
    const session = await first.openSession({ sessionId: 's', ...TERMS });
    await lives.clock.advance(HOUR);
    await session.closed;
    const { endedAt } = session;
    await first.stop();
    lives.pass(1_000);
    await using keeper = await lives.start();
    const past = keeper.getSession('s') as Session;
    expect(past).toMatchObject({ state: 'closed', closeReason: 'idle_timeout', endedAt });
    expect([...keeper.sessions({ closed: true })]).toEqual([past]);
    await expect(past.run(() => 1)).rejects.toMatchObject({
      code: 'session_closed',
      details: { reason: 'idle_timeout', elapsedMs: HOUR, limitMs: HOUR },
    });
    expect((await past.closed).isComplete).toBe(true);
  });

  test('that has ended being forgotten an hour after its end, whoever was there', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await (await first.openSession({ sessionId: 's', ...TERMS })).close();
    await first.stop();
    lives.pass(HOUR - 1_000);
    await using keeper = await lives.start();
    expect(keeper.getSession('s')?.state).toBe('closed');
    await lives.clock.advance(1_000);
    expect(keeper.getSession('s')).toBeUndefined();
    expect((await keeper.openSession({ sessionId: 's', ...TERMS })).state).toBe('active');
  });

  test('that was closed and opened anew being the new one', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await (await first.openSession({ sessionId: 's', ...TERMS })).close();
    const { token } = await first.openSession({ sessionId: 's', ...TERMS });
    await first.stop();
    await using keeper = await lives.start();
    expect(keeper.getSession('s')).toMatchObject({ state: 'active', token });
  });

  test('being the same to who opens it again, and no other owner’s', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await first.openSession({ sessionId: 's', owner: 'alice', ...TERMS });
    await first.stop();
    await using keeper = await lives.start();
    const again = await keeper.openSession({ sessionId: 's', owner: 'alice' });
    expect(again).toBe(keeper.getSession('s'));
    const other = keeper.openSession({ sessionId: 's', owner: 'bob' });
    expect(await faultCode(other)).toBe('session_id_conflict');
    const run = await again.run(() => 'runs');
    expect(await run.result()).toBe('runs');
  });

  test('that was acquired from the limiter directly staying a slot, with nobody to close it', async () => {
    const lives = new Lives();
    const first = await lives.start();
    await first.limiter.acquireSessionSlot('raw', { durable: true });
    await first.limiter.acquireSessionSlot('told', { durable: true, terms: 'not ours' });
    await first.stop();
    await using keeper = await lives.start();
    expect([...keeper.sessions()]).toEqual([]);
    expect(keeper.getStatus().activeSessions).toBe(2);
    const taken = await keeper.openSession({ sessionId: 'raw', durable: true });
    await taken.close();
    expect(keeper.getStatus().activeSessions).toBe(1);
  });

  test('being refused where nothing is kept, or where its slot is held for another time', async () => {
    await using plain = await startSlotkeeper();
    expect(await faultCode(plain.openSession({ durable: true }))).toBe('invalid_option');
    const lives = new Lives();
    await using keeper = await lives.start();
    const slot = await keeper.limiter.acquireSessionSlot('s');
    const opened = keeper.openSession({ sessionId: 's', durable: true });
    expect(await faultCode(opened)).toBe('session_id_conflict');
    expect(keeper.getSession('s')).toBeUndefined();
    await slot.release();
    expect((await keeper.openSession({ sessionId: 's', durable: true })).isDurable).toBe(true);
  });

  test('staying in the journal when the keeper is stopped, its runs ended as interrupted', async () => {
    const lives = new Lives();
    const first = await lives.start();
    const session = await first.openSession({ sessionId: 's', ...TERMS });
    const run = await session.run(
      ({ signal }) => new Promise((end) => signal.addEventListener('abort', end)),
    );
    await settle();
    const report = first.stop();
    expect(await run.outcome).toMatchObject({ state: 'interrupted', reason: 'shutdown' });
    expect(await report).toEqual({ isComplete: true, sessions: 1, abandoned: [] });
    expect((await session.closed).steps.at(-1)).toMatchObject({ action: 'keep_session' });
    await using keeper = await lives.start();
    expect(keeper.getSession('s')?.state).toBe('active');
  });

  test('waiting for its slot in one process being unknown in the next', async () => {
    const lives = new Lives();
    const first = await lives.start({ limits: { maxParallelSessions: 1 } });
    await first.openSession({ sessionId: 'first', ...TERMS });
    const waiting = faultCode(
      first.openSession({ sessionId: 'second', waitTimeoutMs: HOUR, ...TERMS }),
    );
    await settle();
    await first.stop();
    expect(await waiting).toBe('session_closed');
    await using keeper = await lives.start();
    expect([...keeper.sessions()].map(({ sessionId }) => sessionId)).toEqual(['first']);
  });
});

describe.each(['UTC', 'Asia/Tokyo', 'America/Los_Angeles'])('killed with -9 in %s', (TZ) => {
  test('its durable sessions being there again, and nothing else', async () => {
    const path = freshPlace();
    const env = { ...process.env, TZ };
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    const child = spawn(process.execPath, [PROGRAM, path], { env, stdio: [...stdio] });
    const [line] = await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    const said = JSON.parse(String(line));
    await using keeper = await startSlotkeeper({ journal: { path } });
    const ids = [...keeper.sessions()].map(({ sessionId }) => sessionId);
    expect(ids).toEqual(['idle', 'busy']);
    const idle = keeper.getSession('idle') as Session;
    expect(idle).toMatchObject({ createdAt: said.createdAt, token: said.token, owner: 'alice' });
    expect(idle.lastActiveAt).toBeGreaterThanOrEqual(said.createdAt);
    expect(idle.lastActiveAt).toBeLessThan(said.now);
    // Its run died with the process, and nobody knows when.
    expect(keeper.getSession('busy')?.lastActiveAt).toBeGreaterThanOrEqual(said.now);
    expect(keeper.getSession('over')).toMatchObject({ state: 'closed', closeReason: 'released' });
    expect(keeper.getSession('of the process')).toBeUndefined();
    expect(keeper.getStatus()).toMatchObject({ activeSessions: 2, activeRuns: 0 });
  });
});
