import { describe, expect, test } from 'vitest';
import { createActor, createMachine } from 'xstate';
import {
  type AnyRef,
  call,
  type DownMessage,
  type ExitReason,
  exit,
  fromGenServer,
  type Monitor,
  monitor,
  noReply,
  ready,
  reply,
  type ServerRef,
  startServer,
  stop,
  stopServer,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { gate, World } from '../../support/trees.ts';

interface Watcher {
  state: DownMessage[];
  calls: {
    watch(request: { readonly target: ServerRef }): Monitor;
    seen(): DownMessage[];
    finish(): void;
  };
}

/** A server that sets monitors and keeps the news. */
const watcher = fromGenServer<Watcher>({
  init: () => ready([]),
  handleCall: {
    watch: ({ target }, state, _from, { self }) => reply(monitor(target, self), state),
    seen: (_request, state) => reply(state, state),
    finish: (_request, state) =>
      stop<DownMessage[], undefined>('normal', state, { reply: undefined }),
  },
  handleInfo: { down: (message, state) => noReply([...state, message]) },
});

/** Sets a monitor and collects what it says. */
function watch(target: AnyRef): { reasons: ExitReason[]; set: Monitor } {
  const reasons: ExitReason[] = [];
  const set = monitor(target, ({ reason }) => reasons.push(reason));
  return { reasons, set };
}

describe('monitor: the reason of an end', () => {
  test.each([
    ['normal'],
    ['shutdown'],
    [{ shutdown: 'enough' }],
    [new Error('failure')],
  ] as ExitReason[][])('firing with %o', async (reason) => {
    const world = new World();
    const { reasons } = watch(await world.startWorker('a'));
    if (reason) await world.finish('a', reason);
    expect(reasons).toEqual([reason]);
  });

  test('firing with the error of a crash', async () => {
    const world = new World();
    const { reasons } = watch(await world.startWorker('a'));
    await world.crash('a');
    expect(reasons).toEqual([expect.objectContaining({ message: 'crash' })]);
  });

  test('firing with killed after a kill', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const { reasons } = watch(a);
    exit(a, 'kill');
    await settle();
    expect(reasons).toEqual(['killed']);
  });

  test('firing after terminate, not before', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([world.worker('a', { onTerminate: () => opened })]);
    const { reasons } = watch(world.ref('a'));
    const stopping = stopServer(top);
    await settle();
    expect(reasons).toEqual([]);
    open();
    await stopping;
    expect(reasons).toEqual(['shutdown']);
  });
});

describe('monitor: exactly once', () => {
  test('firing once, however the server is ended', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const { reasons } = watch(a);
    const stopping = stopServer(a);
    exit(a, 'kill');
    await stopping.catch(() => {});
    exit(a, 'kill');
    await settle();
    expect(reasons).toHaveLength(1);
  });

  test('firing each of several monitors on one server', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const watches = [watch(a), watch(a), watch(a)];
    await stopServer(a);
    expect(watches.map(({ reasons }) => reasons)).toEqual([['normal'], ['normal'], ['normal']]);
  });

  test('being pinned to one incarnation', async () => {
    const world = new World();
    await world.supervise([world.worker('a'), world.worker('b')]);
    const { reasons } = watch(world.ref('a'));
    await world.crash('a');
    await world.crash('a');
    expect(reasons).toHaveLength(1);
  });

  test('firing at once with noproc for a server that is gone', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    await stopServer(a);
    const { reasons } = watch(a);
    await settle();
    expect(reasons).toEqual(['noproc']);
  });

  test('firing with noproc for a name that nobody has', async () => {
    const { reasons } = watch(new World().ref('nobody'));
    await settle();
    expect(reasons).toEqual(['noproc']);
  });

  test('firing with noproc for a server that is being restarted', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartBackoff: { initialMs: 100, jitter: 0 },
    });
    await world.crash('a');
    const { reasons } = watch(world.ref('a'));
    await world.clock.advance(100);
    expect(reasons).toEqual(['noproc']);
  });

  test('never calling a function before monitor has returned', async () => {
    let hasReturned = false;
    const early: boolean[] = [];
    monitor(new World().ref('nobody'), () => early.push(!hasReturned));
    hasReturned = true;
    await settle();
    expect(early).toEqual([false]);
  });

  test('firing with noproc for an incarnation that is gone', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const { actor } = a;
    await stopServer(a);
    await world.startWorker('a');
    const reasons = actor ? watch(actor).reasons : [];
    await settle();
    expect(reasons).toEqual(['noproc']);
  });
});

describe('monitor: demonitor', () => {
  test('never firing after demonitor', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const { reasons, set } = watch(a);
    set.demonitor();
    await stopServer(a);
    await settle();
    expect(reasons).toEqual([]);
  });

  test('never firing with noproc after demonitor', async () => {
    const { reasons, set } = watch(new World().ref('nobody'));
    set.demonitor();
    await settle();
    expect(reasons).toEqual([]);
  });

  test('leaving the other monitors of the same server alone', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const [one, other] = [watch(a), watch(a)];
    one.set.demonitor();
    one.set.demonitor();
    await stopServer(a);
    expect([one.reasons, other.reasons]).toEqual([[], ['normal']]);
  });

  test('having no effect after it has fired', async () => {
    const world = new World();
    const a = await world.startWorker('a');
    const { reasons, set } = watch(a);
    await stopServer(a);
    set.demonitor();
    expect(reasons).toEqual(['normal']);
  });
});

describe('monitor: told is a server', () => {
  test('telling it which monitor has fired, of whom, and why', async () => {
    const world = new World();
    const { clock, registry } = world;
    const ref = await startServer(watcher, { clock, registry });
    const a = await world.startWorker('a');
    const set = await call(ref, { type: 'watch', target: a });
    await stopServer(a);
    expect(await call(ref, { type: 'seen' })).toEqual([
      { type: 'down', monitor: set, server: 'a', reason: 'normal' },
    ]);
  });

  test('telling it apart of two servers which one has ended', async () => {
    const world = new World();
    const { clock, registry } = world;
    const ref = await startServer(watcher, { clock, registry });
    const [a, b] = [await world.startWorker('a'), await world.startWorker('b')];
    await call(ref, { type: 'watch', target: a });
    const second = await call(ref, { type: 'watch', target: b });
    await stopServer(b);
    const seen = await call(ref, { type: 'seen' });
    expect(seen.map((down) => down.monitor === second)).toEqual([true]);
    expect(a.actor).toBeDefined();
  });

  test('telling it noproc of who is gone', async () => {
    const world = new World();
    const { clock, registry } = world;
    const ref = await startServer(watcher, { clock, registry });
    await call(ref, { type: 'watch', target: world.ref('nobody') });
    await settle();
    expect(await call(ref, { type: 'seen' })).toMatchObject([{ reason: 'noproc' }]);
  });

  test('ending nobody: a monitor is no link', async () => {
    const world = new World();
    const { clock, registry } = world;
    const ref = await startServer(watcher, { clock, registry });
    const [a, b] = [await world.startWorker('a'), await world.startWorker('b')];
    await call(ref, { type: 'watch', target: a });
    await call(ref, { type: 'watch', target: b });
    exit(a, 'kill');
    expect(await call(ref, { type: 'seen' })).toMatchObject([{ server: 'a', reason: 'killed' }]);
    await call(ref, { type: 'finish' });
    await stopServer(b);
    expect(world.registry.names()).toEqual([]);
  });
});

describe('monitor: any XState actor', () => {
  const machine = createMachine({
    initial: 'on',
    states: {
      on: {
        on: {
          end: 'off',
          fail: {
            actions: () => {
              throw new Error('machine failed');
            },
          },
        },
      },
      off: { type: 'final' },
    },
  });

  test.each([
    ['end', 'normal'],
    ['fail', expect.objectContaining({ message: 'machine failed' })],
  ])('firing after %s', async (type, reason) => {
    const actor = createActor(machine).start();
    const { reasons } = watch(actor);
    actor.send({ type });
    await settle();
    expect(reasons).toEqual([reason]);
  });

  test('firing with shutdown for an actor that is stopped', async () => {
    const actor = createActor(machine).start();
    const { reasons } = watch(actor);
    actor.stop();
    await settle();
    expect(reasons).toEqual(['shutdown']);
  });

  test('firing with noproc for an actor that has ended', async () => {
    const actor = createActor(machine).start();
    actor.send({ type: 'end' });
    const { reasons } = watch(actor);
    await settle();
    expect(reasons).toEqual(['noproc']);
  });
});
