/**
 * Jobs that wait without a call: `withRunSlot` of somebody who waits for ever. They stand in the tables
 * alone, and whatever ends other waits has to end theirs.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, test } from 'vitest';
import { exit } from '../../src/index.ts';
import { settle } from '../../src/testing.ts';
import { attempt, counts, EMPTY, PATIENT, refusalOf, start } from '../support/callers.ts';
import { MOMENTS, type Moment, Saboteur, STEPS, type Step } from '../support/crashes.ts';
import { collect } from '../support/garbage.ts';

const POINTS = MOMENTS.flatMap((moment) => STEPS.map((step): [Moment, Step] => [moment, step]));
const ONE_RUN = { maxParallelRuns: 1 };

function once(moment: Moment, step: Step): Saboteur {
  return new Saboteur(
    (point, crashes) => crashes === 0 && point.moment === moment && point.step === step,
  );
}

/** The id that will be made so many steps later. */
function nextId(id: string, steps: number): string {
  const [prefix, number] = id.split('-');
  return `${prefix}-${Number(number) + steps}`;
}

/** A job of which nobody but the limiter knows the function. */
function withCollectable(limiter: Awaited<ReturnType<typeof start>>) {
  let isCollected = false;
  const registry = new FinalizationRegistry(() => {
    isCollected = true;
  });
  const job = (): void => {};
  registry.register(job, undefined);
  const running = limiter.withRunSlot('s2', job, PATIENT);
  return { running, isCollected: () => isCollected, registry };
}

/** A limiter whose one slot is held. */
async function startFull(faultPoints = new Saboteur()) {
  const restartIntensity = { restarts: 1_000, withinMs: 5_000 };
  const limiter = await start(ONE_RUN, { faultPoints, restartIntensity });
  return { limiter, held: await limiter.acquireRunSlot('s1', 'held') };
}

describe('a job that waits', () => {
  test.each(POINTS)('running once when a crash %s %s meets its asking', async (moment, step) => {
    const saboteur = once(moment, step);
    const { limiter, held } = await startFull(saboteur);
    await using _limiter = limiter;
    let calls = 0;
    saboteur.arm();
    const running = attempt(limiter.withRunSlot('s1', () => ++calls, PATIENT));
    await settle();
    saboteur.disarm();
    expect([calls, counts(limiter).waitingRuns, saboteur.crashes]).toEqual([0, 1, 1]);
    await held.release();
    await settle();
    expect(running).toMatchObject({ outcome: 'granted', value: 1, settlements: 1 });
    expect([calls, counts(limiter)]).toEqual([1, EMPTY]);
  });

  test.each(POINTS)('running once when a crash %s %s meets its grant', async (moment, step) => {
    const saboteur = once(moment, step);
    const { limiter, held } = await startFull(saboteur);
    await using _limiter = limiter;
    const order: string[] = [];
    const job = (name: string) => () => void order.push(name);
    const running = ['first', 'second'].map((name) =>
      attempt(limiter.withRunSlot('s1', job(name), PATIENT)),
    );
    await settle();
    saboteur.arm();
    await held.release();
    await settle();
    saboteur.disarm();
    expect([order, saboteur.crashes]).toEqual([['first', 'second'], 1]);
    expect(running.map(({ settlements }) => settlements)).toEqual([1, 1]);
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test('keeping its place when the limiter is killed', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    const order: string[] = [];
    const first = limiter.withRunSlot('s1', () => order.push('job'), PATIENT);
    const second = limiter.acquireRunSlot('s1', 'r2', PATIENT);
    exit(limiter.ref, 'kill');
    await settle();
    expect(counts(limiter)).toMatchObject({ activeRuns: 1, waitingRuns: 2 });
    await held.release();
    await first;
    await (await second).release();
    expect([order, counts(limiter)]).toEqual([['job'], EMPTY]);
  });

  test('standing among others by its priority', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    const order: string[] = [];
    const running = [0, 5, 5, 9].map((priority, index) =>
      limiter.withRunSlot('s1', () => order.push(`${priority}-${index}`), { ...PATIENT, priority }),
    );
    await held.release();
    await Promise.all(running);
    expect(order).toEqual(['9-3', '5-1', '5-2', '0-0']);
  });

  test('being listed and explained, with what it has said', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    const said = { owner: 'alice', kind: 'tool', labels: { on: 'call' }, priority: 3 };
    const running = limiter.withRunSlot('s2', ({ runId }) => runId, { ...PATIENT, ...said });
    const [row] = limiter.list({ state: 'waiting' });
    expect(row).toMatchObject({ type: 'run', sessionId: 's2', state: 'waiting', ...said });
    const { runId } = row as unknown as { runId: string };
    expect(limiter.explain({ runId })).toMatchObject({ state: 'waiting', ahead: 0 });
    await held.release();
    expect(await running).toBe(runId);
  });

  test('being joined by who asks for its id, who has the same slot', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    const running = limiter.withRunSlot('s1', ({ token }) => token, PATIENT);
    const [row] = limiter.list({ state: 'waiting' });
    const { runId } = row as unknown as { runId: string };
    const joined = limiter.acquireRunSlot('s1', runId, PATIENT);
    await held.release();
    expect((await joined).token).toBe(await running);
    await settle();
    expect(counts(limiter)).toEqual(EMPTY);
  });

  test.each<[string, string, (limiter: Awaited<ReturnType<typeof start>>, id: string) => unknown]>([
    ['its id is released', 'withdrawn', (limiter, id) => limiter.releaseRunSlot(id)],
    ['it is evicted', 'withdrawn', (limiter, id) => limiter.evict(id, 'too late')],
    ['its session is released', 'session_released', (limiter) => limiter.releaseSessionSlot('s2')],
    ['the limiter drains', 'draining', (limiter) => limiter.drain({ timeoutMs: 0 })],
  ])('being refused when %s, and never run', async (_name, code, end) => {
    const { limiter } = await startFull();
    await using _limiter = limiter;
    let calls = 0;
    const running = limiter.withRunSlot('s2', () => ++calls, PATIENT);
    const [row] = limiter.list({ state: 'waiting' });
    await Promise.all([
      end(limiter, (row as unknown as { runId: string }).runId),
      expect(refusalOf(running)).resolves.toMatchObject({ code }),
    ]);
    expect([calls, counts(limiter).waitingRuns]).toEqual([0, 0]);
  });

  test('having its refusal explained', async () => {
    const { limiter } = await startFull();
    await using _limiter = limiter;
    const running = limiter.withRunSlot('s2', () => {}, { ...PATIENT, owner: 'alice' });
    const refused = refusalOf(running);
    await limiter.releaseSessionSlot('s2');
    const explanation = limiter.explain(await refused);
    expect(explanation).toMatchObject({ state: 'refused', sessionId: 's2', owner: 'alice' });
  });

  test('leaving its function to be collected, though its refusal is kept', async () => {
    const { limiter } = await startFull();
    await using _limiter = limiter;
    const asked = withCollectable(limiter);
    const refused = refusalOf(asked.running);
    await limiter.releaseSessionSlot('s2');
    const kept = await refused;
    await collect(20, asked.isCollected);
    expect([kept.code, asked.isCollected()]).toEqual(['session_released', true]);
  });

  test('being rejected when the limiter stops', async () => {
    const { limiter } = await startFull();
    const running = attempt(limiter.withRunSlot('s1', () => 'ran', PATIENT));
    await limiter.stop();
    await settle();
    expect(running).toMatchObject({ outcome: 'stopped', settlements: 1 });
  });

  test('being rejected when the supervisor gives up', async () => {
    const limiter = await start(ONE_RUN, { restartIntensity: { restarts: 0, withinMs: 5_000 } });
    await limiter.acquireRunSlot('s1', 'held');
    const running = attempt(limiter.withRunSlot('s1', () => 'ran', PATIENT));
    exit(limiter.ref, 'kill');
    await settle();
    expect(running).toMatchObject({ outcome: 'server_down', settlements: 1 });
  });

  test('counting among those who wait, and refused when they are too many', async () => {
    await using limiter = await start({ ...ONE_RUN, maxWaiters: 1 });
    const held = await limiter.acquireRunSlot('s1', 'held');
    const first = limiter.withRunSlot('s1', () => 'first', PATIENT);
    const second = limiter.withRunSlot('s1', () => 'second', PATIENT);
    expect((await refusalOf(second)).code).toBe('queue_full');
    await held.release();
    expect(await first).toBe('first');
  });

  test('having an id of its own, though somebody has foreseen and taken the next', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    await limiter.setLimits({ maxParallelRuns: 3 });
    const seen = await limiter.withRunSlot('s1', ({ runId }) => runId);
    await limiter.acquireRunSlot('s1', nextId(seen, 1));
    await limiter.acquireRunSlot('s1', nextId(seen, 2));
    const running = limiter.withRunSlot('s1', ({ runId }) => runId, PATIENT);
    expect([...limiter.list({ state: 'waiting' })]).toMatchObject([{ runId: nextId(seen, 3) }]);
    await held.release();
    expect(await running).toBe(nextId(seen, 3));
    expect(await limiter.withRunSlot('s1', ({ runId }) => runId)).toBe(nextId(seen, 4));
  });

  test('running in the context of who has asked for it', async () => {
    const { limiter, held } = await startFull();
    await using _limiter = limiter;
    const storage = new AsyncLocalStorage<string>();
    const running = storage.run('asking', () =>
      limiter.withRunSlot('s1', () => storage.getStore(), PATIENT),
    );
    await storage.run('releasing', () => held.release());
    expect(await running).toBe('asking');
  });
});
