import { describe, expect, test } from 'vitest';
import {
  call,
  countChildren,
  dynamicSupervisor,
  exit,
  type ServerRef,
  startChild,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, failingAt, gate, NOTHING, statuses, World } from '../../support/trees.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const never = () => new Promise(() => {});

describe('DynamicSupervisor: start', () => {
  test('starting with no children', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    expect(await countChildren(top)).toEqual({ specs: 0, active: 0, supervisors: 0, workers: 0 });
    await stopServer(top);
    expect(world.left()).toEqual(NOTHING);
  });

  test.each([0, -1, 1.5])('rejecting maxChildren of %d', (maxChildren) => {
    expect(() => dynamicSupervisor({ maxChildren })).toThrow(code('invalid_option'));
  });
});

describe('DynamicSupervisor: start_child', () => {
  test('starting children on demand, each with its own input', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const a = await startChild(top, world.worker('a'));
    const b = await startChild(top, world.worker('b'));
    expect(await call(a, { type: 'whoami' })).toBe('a');
    expect(await call(b, { type: 'whoami' })).toBe('b');
    expect(await countChildren(top)).toEqual({ specs: 2, active: 2, supervisors: 0, workers: 2 });
  });

  test('making ids where none are given', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    for (const name of ['a', 'b']) {
      const { id: _none, ...spec } = world.worker(name);
      await startChild(top, spec);
    }
    const ids = (await whichChildren(top)).map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  });

  test('making an id that nobody has', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const { id: _none, ...first } = world.worker('a');
    await startChild(top, first);
    const [made] = await whichChildren(top);
    const taken = made?.id.replace('1', '3') ?? '';
    await startChild(top, { ...world.worker('b'), id: taken });
    await startChild(top, { ...first, name: 'c' });
    expect(await countChildren(top)).toMatchObject({ active: 3 });
  });

  test('reporting the first holder of a name to the second child of that name', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    await startChild(top, world.worker('a'));
    const second = startChild(top, { ...world.worker('b'), name: 'a' });
    await expect(second).rejects.toMatchObject({
      code: 'already_started',
      details: { ref: { name: 'a' } },
    });
    expect(world.news()).toEqual(['a started']);
    expect(await countChildren(top)).toMatchObject({ specs: 1 });
  });

  test('adding no child that decides not to start', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    await startChild(top, world.worker('a', { onInit: () => 'ignore' })).catch(() => {});
    expect(await whichChildren(top)).toEqual([]);
    expect(world.registry.names()).toEqual(['top']);
  });

  test('adding no child that cannot be started, and saying why', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    await expect(startChild(top, world.worker('a', failingAt(1)))).rejects.toMatchObject({
      code: 'start_failed',
      cause: { message: 'start 1 fails' },
    });
    expect(await whichChildren(top)).toEqual([]);
    expect(world.registry.names()).toEqual(['top']);
  });

  test('making others wait until the child has started', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.superviseDynamically();
    const first = startChild(top, world.worker('a', { onInit: () => opened }));
    const second = startChild(top, world.worker('b'));
    await settle();
    expect(world.news()).toEqual([]);
    open();
    await Promise.all([first, second]);
    expect(world.news()).toEqual(['a started', 'b started']);
  });

  test('refusing a significant child', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const spec = world.worker('a', { significant: true, restart: 'transient' });
    await expect(startChild(top, spec)).rejects.toThrow(code('invalid_option'));
  });
});

describe('DynamicSupervisor: max_children', () => {
  test('refusing one child more', async () => {
    const world = new World();
    const top = await world.superviseDynamically({ maxChildren: 2 });
    await startChild(top, world.worker('a'));
    await startChild(top, world.worker('b'));
    await expect(startChild(top, world.worker('c'))).rejects.toThrow(code('max_children'));
    expect(world.news()).toEqual(['a started', 'b started']);
    expect(world.registry.names()).toEqual(['top', 'a', 'b']);
  });

  test('having room again when a child is gone', async () => {
    const world = new World();
    const top = await world.superviseDynamically({ maxChildren: 1 });
    await startChild(top, world.worker('a', { restart: 'temporary' }));
    await world.finish('a', 'normal');
    const b = await startChild(top, world.worker('b'));
    await terminateChild(top, b);
    await startChild(top, world.worker('c'));
    expect(statuses(await whichChildren(top))).toEqual(['c running']);
  });

  test('counting a child that is about to be restarted', async () => {
    const world = new World();
    const top = await world.superviseDynamically({
      maxChildren: 1,
      restartBackoff: { initialMs: 100, jitter: 0 },
    });
    await startChild(top, world.worker('a'));
    await world.crash('a');
    await expect(startChild(top, world.worker('b'))).rejects.toThrow(code('max_children'));
    await world.clock.advance(100);
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('taking no room for a child that did not start', async () => {
    const world = new World();
    const top = await world.superviseDynamically({ maxChildren: 1 });
    await startChild(top, world.worker('a', failingAt(1))).catch(() => {});
    await startChild(top, world.worker('b'));
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
  });
});

describe('DynamicSupervisor: restart', () => {
  test('restarting one child, and nobody else', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    for (const id of ['a', 'b', 'c']) await startChild(top, world.worker(id));
    world.news();
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'b started']);
  });

  test('forgetting temporary and transient children with their end', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    await startChild(top, world.worker('a', { restart: 'temporary' }));
    await startChild(top, world.worker('b', { restart: 'transient' }));
    await startChild(top, world.worker('c', { restart: 'transient' }));
    await world.crash('a');
    await world.finish('b', 'normal');
    await world.crash('c');
    expect(statuses(await whichChildren(top))).toEqual(['c running']);
    expect(world.registry.names()).toEqual(['top', 'c']);
  });

  test('keeping a ref without a name over a restart', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const { name: _none, ...spec } = world.worker('a');
    const a = await startChild(top, spec);
    exit(a, 'kill');
    expect(await call(a, { type: 'whoami' })).toBe('a');
    expect(world.news()).toEqual(['a started', 'a started']);
  });

  test('giving up after three restarts in 5,000 ms of any children', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    for (const id of ['a', 'b', 'c', 'd', 'e']) await startChild(top, world.worker(id));
    const end = endOf(top);
    await world.crash('a', 'b', 'c', 'd');
    expect(await end).toEqual({ shutdown: code('restart_intensity_exceeded') });
    expect(world.news()).toContain('e terminated shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('coming back empty when its own supervisor restarts it', async () => {
    const world = new World();
    await world.supervise([
      { id: 'pool', name: 'pool', logic: dynamicSupervisor() },
      world.worker('b'),
    ]);
    const pool: ServerRef = world.registry.ref('pool');
    const children = pool as Parameters<typeof whichChildren>[0];
    await startChild(children, world.worker('a'));
    world.news();
    exit(pool, 'kill');
    expect(await whichChildren(children)).toEqual([]);
    expect(world.registry.names()).toEqual(['top', 'pool', 'b']);
    expect(world.news()).toEqual([]);
  });
});

describe('DynamicSupervisor: terminate_child', () => {
  test('stopping a child by its ref and forgetting it', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const a = await startChild(top, world.worker('a'));
    await startChild(top, world.worker('b'));
    world.news();
    await terminateChild(top, a);
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
    await expect(call(a, { type: 'whoami' })).rejects.toThrow(code('noproc'));
  });

  test('refusing a child that is gone, and a stranger', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const a = await startChild(top, world.worker('a'));
    await terminateChild(top, a);
    const stranger = await world.startWorker('stranger');
    await expect(terminateChild(top, a)).rejects.toThrow(code('not_found'));
    await expect(terminateChild(top, stranger)).rejects.toThrow(code('not_found'));
    expect(world.news()).toEqual([]);
  });

  test('taking back a restart that is due', async () => {
    const world = new World();
    const top = await world.superviseDynamically({
      restartBackoff: { initialMs: 100, jitter: 0 },
    });
    const a = await startChild(top, world.worker('a'));
    await world.crash('a');
    await terminateChild(top, a);
    await world.clock.advance(1_000);
    expect(world.news()).toEqual(['a started', 'a terminated crash']);
    expect(await whichChildren(top)).toEqual([]);
  });
});

describe('DynamicSupervisor: shutdown', () => {
  test('stopping all children side by side', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    const rest = () => new Promise<void>((done) => world.clock.setTimeout(() => done(), 100));
    for (const id of ['a', 'b', 'c'])
      await startChild(top, world.worker(id, { onTerminate: rest }));
    world.news();
    const stopping = stopServer(top, 'shutdown');
    await settle();
    expect(world.news().sort()).toEqual(['a stopping', 'b stopping', 'c stopping']);
    await world.clock.advance(100);
    await stopping;
    expect(world.news()).toHaveLength(3);
    expect(world.left()).toEqual(NOTHING);
  });

  test('killing those that take longer than their own shutdown times', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    for (const [id, shutdown] of [
      ['a', 100],
      ['b', 200],
    ] as const)
      await startChild(top, world.worker(id, { onTerminate: never, shutdown }));
    await startChild(top, world.worker('c'));
    const [a, b, end] = [endOf(world.ref('a')), endOf(world.ref('b')), endOf(top)];
    stopServer(top, 'shutdown').catch(() => {});
    await world.clock.advance(199);
    expect(await a).toBe('killed');
    expect(world.left().running).toEqual(['top', 'b']);
    await world.clock.advance(1);
    expect([await b, await end]).toEqual(['killed', 'shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('restarting nobody who crashes meanwhile', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.superviseDynamically();
    await startChild(top, world.worker('a', { onTerminate: () => opened }));
    await startChild(top, world.worker('b'));
    world.news();
    const stopping = stopServer(top, 'shutdown');
    open();
    await stopping;
    expect(world.news().filter((line) => line.endsWith('started'))).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving nothing when it is killed', async () => {
    const world = new World();
    const top = await world.superviseDynamically();
    await startChild(top, world.worker('a', { onTerminate: never }));
    await startChild(top, { id: 'inner', logic: supervisor({ children: [world.worker('b')] }) });
    exit(top, 'kill');
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('DynamicSupervisor: scalability', () => {
  test('starting 10,000 children, restarting a tenth of them, stopping all', async () => {
    const world = new World();
    const top = await world.superviseDynamically({
      restartIntensity: { restarts: 1_000, withinMs: 5_000 },
    });
    const ids = Array.from({ length: 10_000 }, (_, index) => `worker ${index}`);
    await Promise.all(ids.map((id) => startChild(top, world.worker(id))));
    expect(await countChildren(top)).toMatchObject({ specs: 10_000, active: 10_000 });
    const crashed = ids.filter((_, index) => index % 10 === 0);
    world.news();
    await world.crash(...crashed);
    expect(world.news().sort()).toEqual(
      crashed.flatMap((id) => [`${id} started`, `${id} terminated crash`]).sort(),
    );
    expect(await countChildren(top)).toMatchObject({ specs: 10_000, active: 10_000 });
    await stopServer(top, 'shutdown');
    expect(world.news().sort()).toEqual(ids.map((id) => `${id} terminated shutdown`).sort());
    expect(world.left()).toEqual(NOTHING);
  });

  test('giving up with 1,000 children, when one restart too many is one of them', async () => {
    const world = new World();
    const top = await world.superviseDynamically({
      restartIntensity: { restarts: 10, withinMs: 5_000 },
    });
    const ids = Array.from({ length: 1_000 }, (_, index) => `worker ${index}`);
    await Promise.all(ids.map((id) => startChild(top, world.worker(id))));
    const end = endOf(top);
    await world.crash(...ids.slice(0, 11));
    expect(await end).toEqual({ shutdown: code('restart_intensity_exceeded') });
    expect(world.left()).toEqual(NOTHING);
  });
});
