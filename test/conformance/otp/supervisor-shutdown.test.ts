import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  countChildren,
  exit,
  link,
  stopServer,
  supervisor,
  terminateChild,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, gate, NOTHING, World } from '../../support/trees.ts';

const never = () => new Promise(() => {});

describe('supervisor: supervision principles, termination', () => {
  test('stopping the children in reverse, each after the one before is gone', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { onTerminate: () => opened }),
      world.worker('c'),
    ]);
    const stopping = stopServer(top, 'shutdown');
    await settle();
    expect(world.news()).toEqual(['c terminated shutdown', 'b stopping']);
    open();
    await stopping;
    expect(world.news()).toEqual(['b terminated shutdown', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('stopping a tree from its leaves to its root', async () => {
    const world = new World();
    const inner = supervisor({ children: [world.worker('b'), world.worker('c')] });
    const top = await world.supervise([
      world.worker('a'),
      { id: 'inner', logic: inner },
      world.worker('d'),
    ]);
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual([
      'd terminated shutdown',
      'c terminated shutdown',
      'b terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });

  test.each(['normal', 'shutdown'] as const)(
    'ending with the reason %s it was told',
    async (reason) => {
      const world = new World();
      const top = await world.supervise([world.worker('a')]);
      const end = endOf(top);
      await stopServer(top, reason);
      expect(await end).toBe(reason);
      expect(world.news()).toEqual(['a terminated shutdown']);
    },
  );

  test('trapping the exit signals of strangers, which end nobody', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    const stranger = await world.startWorker('stranger');
    link(top, stranger);
    exit(top, 'shutdown');
    exit(stranger, new Error('not a child'));
    await settle();
    expect(stranger.actor).toBeUndefined();
    expect(world.news().filter((news) => !news.startsWith('stranger'))).toEqual([]);
    expect(await countChildren(top)).toMatchObject({ active: 2 });
  });

  test('settling the calls that wait for a child or for the supervisor', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { shutdown: 0 })]);
    const served = call(world.ref('a'), { type: 'wait' });
    const queued = call(world.ref('a'), { type: 'whoami' });
    const downs = Promise.all([
      expect(served).rejects.toMatchObject({ code: 'server_down' }),
      expect(queued).rejects.toMatchObject({ code: 'server_down' }),
    ]);
    stopServer(top, 'shutdown').catch(() => {});
    await world.clock.advance(1);
    await downs;
    expect(world.left()).toEqual(NOTHING);
  });

  test('restarting nobody who crashes while the tree is stopped', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { onTerminate: () => opened }),
    ]);
    const stopping = stopServer(top, 'shutdown');
    await world.crash('a');
    expect(world.news()).toEqual(['b stopping', 'a terminated crash']);
    open();
    await stopping;
    expect(world.news()).toEqual(['b terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('going on with the others when a terminate throws', async () => {
    const world = new World();
    const fails = () => {
      throw new Error('no end');
    };
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { onTerminate: fails }),
      world.worker('c'),
    ]);
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual(['c terminated shutdown', 'b stopping', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: child specification, shutdown', () => {
  test('waiting for terminate up to the shutdown time, then killing', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { onTerminate: never, shutdown: 100 }),
    ]);
    const end = endOf(world.ref('b'));
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(99);
    expect(world.news()).toEqual(['b stopping']);
    await world.clock.advance(1);
    await stopping;
    expect(await end).toBe('killed');
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('giving a worker 5,000 ms where nothing is said', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { onTerminate: never })]);
    const end = endOf(top);
    stopServer(top, 'shutdown').catch(() => {});
    await world.clock.advance(4_999);
    expect(world.left().running).toEqual(['top', 'a']);
    await world.clock.advance(1);
    expect(await end).toBe('shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('giving each child its own time', async () => {
    const world = new World();
    const top = await world.supervise(
      ['a', 'b'].map((id) => world.worker(id, { onTerminate: never, shutdown: 100 })),
    );
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(199);
    expect(world.news()).toEqual(['b stopping', 'a stopping']);
    await world.clock.advance(1);
    await stopping;
    expect(world.left()).toEqual(NOTHING);
  });

  test('not waiting longer than a child needs', async () => {
    const world = new World();
    const rest = () => new Promise<void>((done) => world.clock.setTimeout(() => done(), 30));
    const top = await world.supervise([world.worker('a', { onTerminate: rest, shutdown: 100 })]);
    const end = endOf(top);
    stopServer(top, 'shutdown').catch(() => {});
    await world.clock.advance(30);
    expect(await end).toBe('shutdown');
    expect(world.news()).toEqual(['a stopping', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('killing a child that hangs in a callback when its time is over', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { shutdown: 100 })]);
    const hanging = expect(call(world.ref('a'), { type: 'wait' })).rejects.toMatchObject({
      code: 'server_down',
    });
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(100);
    await stopping;
    await hanging;
    expect(world.news()).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('running no terminate under brutal_kill, and terminating the others', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { shutdown: 'brutal_kill' }),
    ]);
    const end = endOf(world.ref('b'));
    await stopServer(top, 'shutdown');
    expect(await end).toBe('killed');
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('waiting for ever under infinity', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a', { onTerminate: () => opened, shutdown: 'infinity' }),
    ]);
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(365 * 24 * 3_600_000);
    expect(world.news()).toEqual(['a stopping']);
    open();
    await stopping;
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('giving a subtree all the time it needs', async () => {
    const world = new World();
    const slow = ['a', 'b'].map((id) => world.worker(id, { onTerminate: never, shutdown: 10_000 }));
    const top = await world.supervise([{ id: 'inner', logic: supervisor({ children: slow }) }]);
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(19_999);
    expect(world.news()).toEqual(['b stopping', 'a stopping']);
    await world.clock.advance(1);
    await stopping;
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving nothing of a subtree that is killed when its own time is over', async () => {
    const world = new World();
    const slow = world.worker('a', { onTerminate: never, shutdown: 'infinity' });
    const inner = supervisor({ children: [slow, world.worker('b')] });
    const top = await world.supervise([{ id: 'inner', logic: inner, shutdown: 100 }]);
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(100);
    await stopping;
    expect(world.news()).toEqual(['b terminated shutdown', 'a stopping']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('using the shutdown time for siblings that go with a crashed child', async () => {
    const world = new World();
    await world.supervise(
      [world.worker('a', { onTerminate: never, shutdown: 100 }), world.worker('b')],
      { strategy: 'one_for_all' },
    );
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'a stopping']);
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a started', 'b started']);
  });

  test('killing a child that crashed and hangs in its terminate', async () => {
    const world = new World();
    await world.supervise([
      world.worker('a', { onTerminate: never, shutdown: 100 }),
      world.worker('b'),
    ]);
    await world.crash('a');
    expect(world.news()).toEqual(['a stopping']);
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a started']);
  });

  test('having no effect with what a killed child does later', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a', { onTerminate: () => opened, shutdown: 100 }),
      world.worker('b'),
    ]);
    const terminating = terminateChild(top, 'a');
    await world.clock.advance(100);
    await terminating;
    open();
    await settle();
    expect(world.registry.names()).toEqual(['top', 'b']);
    expect(world.left().running).toEqual(['top', 'b']);
  });
});

describe('supervisor: stop and kill at any time', () => {
  test('stopping while a child is being started again', async () => {
    const world = new World();
    const { opened, open } = gate();
    let starts = 0;
    const onInit = () => (++starts === 2 ? opened : undefined);
    const top = await world.supervise([world.worker('a', { onInit }), world.worker('b')]);
    await world.crash('a');
    const stopping = stopServer(top, 'shutdown');
    open();
    await stopping;
    expect(starts).toBe(2);
    expect(world.registry.names()).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('stopping while siblings are being stopped for a restart, and starting none', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise(
      [world.worker('a', { onTerminate: () => opened }), world.worker('b')],
      { strategy: 'one_for_all' },
    );
    await world.crash('b');
    const stopping = stopServer(top, 'shutdown');
    open();
    await stopping;
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving nothing when a supervisor is killed', async () => {
    const world = new World();
    const inner = supervisor({ children: [world.worker('b')] });
    const top = await world.supervise([world.worker('a'), { id: 'inner', logic: inner }]);
    const waiting = expect(call(world.ref('b'), { type: 'wait' })).rejects.toMatchObject({
      code: 'server_down',
    });
    const end = endOf(top);
    exit(top, 'kill');
    await waiting;
    expect(await end).toBe('killed');
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving nothing when a supervisor is killed while it starts a child', async () => {
    const world = new World();
    const { opened, open } = gate();
    let starts = 0;
    const onInit = () => (++starts === 2 ? opened : undefined);
    const top = await world.supervise([world.worker('a'), world.worker('b', { onInit })]);
    await world.crash('b');
    exit(top, 'kill');
    open();
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving nothing when a supervisor is killed while it stops its children', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b', { onTerminate: () => opened }),
    ]);
    stopServer(top, 'shutdown').catch(() => {});
    await settle();
    exit(top, 'kill');
    expect(world.left()).toEqual(NOTHING);
    open();
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });

  test('restarting a killed supervisor with all its children, and nobody beside it', async () => {
    const world = new World();
    const inner = supervisor({ children: [world.worker('b'), world.worker('c')] });
    await world.supervise([world.worker('a'), { id: 'inner', name: 'inner', logic: inner }]);
    exit(world.ref('inner'), 'kill');
    await settle();
    expect(world.news()).toEqual(['b started', 'c started']);
    expect(await call(world.ref('c'), { type: 'whoami' })).toBe('c');
  });

  test('dropping casts and refusing calls to the children of a stopped tree', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const a = world.ref('a');
    await stopServer(top, 'shutdown');
    cast(a, { type: 'crash' });
    await expect(call(a, { type: 'whoami' })).rejects.toMatchObject({ code: 'noproc' });
    expect(world.left()).toEqual(NOTHING);
  });
});
