import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  countChildren,
  exit,
  fromGenServer,
  info,
  noReply,
  Registry,
  ready,
  reply,
  type ServerRef,
  startChild,
  startServer,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import { endOf, failingAt, gate, NOTHING, statuses, World } from '../../support/trees.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const backoff = { restartBackoff: { initialMs: 100, jitter: 0 } };

interface Notes {
  state: string[];
  calls: { read(): string[] };
  casts: { note(request: { readonly text: string }): void };
  infos: { hear(message: { readonly text: string }): void };
}

/** Notes what it gets; two messages may wait for it. */
const notes = fromGenServer<Notes>({
  mailboxLimit: 2,
  init: () => ready([]),
  handleCall: { read: (_request, state) => reply(state, state) },
  handleCast: { note: ({ text }, state) => noReply([...state, text]) },
  handleInfo: { hear: ({ text }, state) => noReply([...state, text]) },
});

async function startNotes() {
  const [clock, registry] = [new SimulatedClock(), new Registry()];
  const logic = supervisor({
    ...backoff,
    children: [{ id: 'notes', name: 'notes', logic: notes }],
  });
  const top = await startServer(logic, { clock, registry });
  const ref: ServerRef<Notes> = registry.ref('notes');
  exit(ref, 'kill');
  await settle();
  return { clock, registry, top, ref };
}

describe('supervisor: messages to a child that is being restarted', () => {
  test('letting a call wait, and serving it by the next incarnation', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    const waiting = call(world.ref('a'), { type: 'whoami' });
    await world.clock.advance(99);
    expect(world.news()).toEqual(['a terminated crash']);
    await world.clock.advance(1);
    expect(await waiting).toBe('a');
  });

  test('serving what waits in the order in which it was sent, before what comes later', async () => {
    const { clock, ref } = await startNotes();
    cast(ref, { type: 'note', text: 'first' });
    info(ref, { type: 'hear', text: 'second' });
    await clock.advance(100);
    cast(ref, { type: 'note', text: 'third' });
    expect(await call(ref, { type: 'read' })).toEqual(['first', 'second', 'third']);
  });

  test('bounding what waits by the limit of the mailbox', async () => {
    const { clock, ref } = await startNotes();
    cast(ref, { type: 'note', text: 'first' });
    const read = call(ref, { type: 'read' });
    await expect(call(ref, { type: 'read' })).rejects.toThrow(code('mailbox_full'));
    expect(() => cast(ref, { type: 'note', text: 'third' })).toThrow(code('mailbox_full'));
    await clock.advance(100);
    expect(await read).toEqual(['first']);
  });

  test('letting calls wait while init of the next incarnation runs', async () => {
    const world = new World();
    const { opened, open } = gate();
    let starts = 0;
    await world.supervise([world.worker('a', { onInit: () => (++starts === 2 ? opened : 0) })]);
    await world.crash('a');
    const waiting = call(world.ref('a'), { type: 'whoami' });
    await settle();
    open();
    expect(await waiting).toBe('a');
  });

  test('letting calls wait for siblings that are stopped and started with another', async () => {
    const world = new World();
    const { opened, open } = gate();
    await world.supervise(
      [world.worker('a', { onTerminate: () => opened }), world.worker('b'), world.worker('c')],
      { strategy: 'one_for_all' },
    );
    await world.crash('c');
    expect(world.news()).toEqual(['c terminated crash', 'b terminated shutdown', 'a stopping']);
    const waiting = ['a', 'b', 'c'].map((id) => call(world.ref(id), { type: 'whoami' }));
    open();
    expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c']);
  });

  test('ending a call that waits longer than it may, and never serving it', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    const waiting = expect(
      call(world.ref('a'), { type: 'whoami' }, { timeoutMs: 50 }),
    ).rejects.toThrow(code('call_timeout'));
    await world.clock.advance(50);
    await waiting;
    await world.clock.advance(50);
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
    expect(world.clock.pendingTimers).toBe(0);
  });

  test('ending a waiting call that is aborted', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    const aborting = new AbortController();
    const { signal } = aborting;
    const waiting = call(world.ref('a'), { type: 'whoami' }, { signal });
    aborting.abort(new Error('no longer needed'));
    await expect(waiting).rejects.toThrow('no longer needed');
  });

  test('refusing with noproc when the child is given up', async () => {
    const world = new World();
    const attempts = failingAt(2, 3, 4, 5);
    const top = await world.supervise([world.worker('a', attempts), world.worker('b')], backoff);
    const end = endOf(top);
    await world.crash('a');
    const waiting = expect(call(world.ref('a'), { type: 'whoami' })).rejects.toThrow(
      code('noproc'),
    );
    await world.clock.advance(5_000);
    await waiting;
    expect(await end).toEqual({ shutdown: code('restart_intensity_exceeded') });
    expect(world.news()).toEqual(['a terminated crash', 'b terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('refusing with noproc when the child is terminated instead', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    const waiting = expect(call(world.ref('a'), { type: 'whoami' })).rejects.toThrow(
      code('noproc'),
    );
    await terminateChild(top, 'a');
    await waiting;
    expect(world.registry.names()).toEqual(['top']);
  });

  test('refusing with noproc when the supervisor is stopped instead', async () => {
    const { clock, registry, top, ref } = await startNotes();
    const read = call(ref, { type: 'read' }, { timeoutMs: Infinity });
    const waiting = expect(read).rejects.toThrow(code('noproc'));
    await stopServer(top, 'shutdown');
    await waiting;
    expect(registry.names()).toEqual([]);
    expect(clock.allTimers).toBe(0);
  });

  test('refusing with noproc when the supervisor is killed instead', async () => {
    const { clock, registry, top, ref } = await startNotes();
    const read = call(ref, { type: 'read' }, { timeoutMs: Infinity });
    const waiting = expect(read).rejects.toThrow(code('noproc'));
    exit(top, 'kill');
    await waiting;
    expect(registry.names()).toEqual([]);
    expect(clock.allTimers).toBe(0);
  });

  test('refusing with noproc what was sent to a transient child that ended normally', async () => {
    const world = new World();
    await world.supervise([world.worker('a', { restart: 'transient' })]);
    const a = world.ref('a');
    await world.finish('a', 'normal');
    await expect(call(a, { type: 'whoami' })).rejects.toThrow(code('noproc'));
  });

  test('refusing what is sent to one incarnation that is gone', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const [child] = await whichChildren(top);
    const first = child?.ref.actor;
    await world.crash('a');
    expect(first).toBeDefined();
    if (first)
      await expect(call(first, { type: 'whoami' } as never)).rejects.toThrow(code('noproc'));
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });
});

describe('supervisor: restart backoff (beyond OTP)', () => {
  async function crashedTimes(world: World, name: string, waits: number[]): Promise<number[]> {
    const measured: number[] = [];
    for (const _ of waits) {
      await world.crash(name);
      world.news();
      const from = world.clock.monotonicNow();
      while (world.news().length === 0) await world.clock.advance(1);
      measured.push(world.clock.monotonicNow() - from);
    }
    return measured;
  }

  test('waiting before a restart, with the siblings at work', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], backoff);
    await world.crash('a');
    await world.clock.advance(99);
    expect(world.news()).toEqual(['a terminated crash']);
    expect(statuses(await whichChildren(top))).toEqual(['a restarting', 'b running']);
    expect(await call(world.ref('b'), { type: 'whoami' })).toBe('b');
    await world.clock.advance(1);
    expect(world.news()).toEqual(['a started']);
  });

  test('doubling the wait with each restart of the period, up to the most', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 5, withinMs: 60_000 },
      restartBackoff: { initialMs: 100, maxMs: 500, jitter: 0 },
    });
    const waits = [100, 200, 400, 500, 500];
    expect(await crashedTimes(world, 'a', waits)).toEqual(waits);
  });

  test('beginning with the shortest wait when the period is over', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 5, withinMs: 1_000 },
      restartBackoff: { initialMs: 100, jitter: 0 },
    });
    expect(await crashedTimes(world, 'a', [100, 200])).toEqual([100, 200]);
    await world.clock.advance(1_001);
    expect(await crashedTimes(world, 'a', [100])).toEqual([100]);
  });

  test.each([
    [0, 100],
    [0.5, 80],
    [1, 60],
  ])('leaving a part of the wait to chance: %d of it gives %d ms', async (chance, wait) => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartBackoff: { initialMs: 100, jitter: 0.4, random: () => chance },
    });
    expect(await crashedTimes(world, 'a', [wait])).toEqual([wait]);
  });

  test('waiting again, longer, after a restart that failed', async () => {
    const world = new World();
    const attempts = failingAt(2);
    await world.supervise([world.worker('a', attempts)], backoff);
    await world.crash('a');
    await world.clock.advance(100);
    expect(attempts.starts).toBe(2);
    await world.clock.advance(199);
    expect(attempts.starts).toBe(2);
    await world.clock.advance(1);
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
  });

  test('starting the whole group after one wait', async () => {
    const world = new World();
    await world.supervise([world.worker('a'), world.worker('b')], {
      ...backoff,
      strategy: 'one_for_all',
    });
    await world.crash('b');
    await world.clock.advance(100);
    expect(world.news()).toEqual([
      'b terminated crash',
      'a terminated shutdown',
      'a started',
      'b started',
    ]);
  });

  test('leaving nothing when the supervisor is stopped during the wait', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], backoff);
    await world.crash('a');
    await stopServer(top, 'shutdown');
    expect(world.clock.allTimers).toBe(0);
    await world.clock.advance(1_000);
    expect(world.news()).toEqual(['a terminated crash', 'b terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('counting children that crash together, and go together, as one restart', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], {
      ...backoff,
      strategy: 'one_for_all',
      restartIntensity: { restarts: 1, withinMs: 5_000 },
    });
    const { opened, open } = gate();
    const adding = startChild(top, world.worker('c', { onInit: () => opened }));
    for (const id of ['a', 'b']) exit(world.ref(id), 'kill');
    open();
    await adding;
    await world.clock.advance(1_000);
    expect(world.news().slice(2)).toEqual(['a started', 'b started', 'c started']);
    expect(await countChildren(top)).toMatchObject({ active: 3 });
  });

  test.each([
    { initialMs: -1 },
    { initialMs: 100, maxMs: -1 },
    { initialMs: 100, jitter: 2 },
    { initialMs: Number.NaN },
  ])('rejecting a backoff that cannot be: %o', (restartBackoff) => {
    expect(() => supervisor({ restartBackoff })).toThrow(code('invalid_option'));
  });
});
