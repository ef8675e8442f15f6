import { describe, expect, test } from 'vitest';
import { startServer, stopServer, supervisor, whichChildren } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { failingAt, gate, NOTHING, statuses, World } from '../../support/trees.ts';

const fails = () => {
  throw new Error('no start');
};

describe('supervisor: supervision principles, start', () => {
  test('starting the children in the order of the list', async () => {
    const world = new World();
    await world.start(supervisor({ children: ['a', 'b', 'c'].map((id) => world.worker(id)) }));
    expect(world.news()).toEqual(['a started', 'b started', 'c started']);
  });

  test('starting a child only after the one before it has started', async () => {
    const world = new World();
    const { opened, open } = gate();
    const children = [world.worker('a', { onInit: () => opened }), world.worker('b')];
    const starting = world.start(supervisor({ children }));
    await settle();
    expect(world.news()).toEqual([]);
    open();
    await starting;
    expect(world.news()).toEqual(['a started', 'b started']);
  });

  test('having started when all children have, those of supervisors below included', async () => {
    const world = new World();
    const { opened, open } = gate();
    const inner = supervisor({ children: [world.worker('a', { onInit: () => opened })] });
    let hasStarted = false;
    const starting = world.start(supervisor({ children: [{ id: 'inner', logic: inner }] }));
    const noting = starting.then(() => {
      hasStarted = true;
    });
    await settle();
    expect(hasStarted).toBe(false);
    open();
    await noting;
    expect(world.news()).toEqual(['a started']);
  });

  test('starting without children', async () => {
    const world = new World();
    const top = await world.supervise([]);
    expect(await whichChildren(top)).toEqual([]);
    await stopServer(top, 'shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('reporting the first supervisor of a name to the second', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const second = world.start(supervisor({ children: [world.worker('b')] }));
    await expect(second).rejects.toMatchObject({ code: 'already_started' });
    const fault: unknown = await second.catch((error: unknown) => error);
    expect(fault).toMatchObject({ details: { ref: { name: 'top' } } });
    expect(world.news()).toEqual([]);
    expect(top.actor).toBeDefined();
  });

  test('restarting one logic under two supervisors each on its own', async () => {
    const world = new World();
    const logic = supervisor({ children: [world.worker('a', { name: 'a' })] });
    const first = await world.start(logic);
    const elsewhere = new World();
    const { clock, registry } = elsewhere;
    const second = await startServer(logic, { name: 'top', clock, registry });
    world.news();
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
    await stopServer(first);
    expect(registry.names()).toEqual(['top', 'a']);
    await stopServer(second);
  });
});

describe('supervisor: start_link, a child that does not start', () => {
  test('stopping those that were started, last first, and starting no more', async () => {
    const world = new World();
    const children = [
      world.worker('a'),
      world.worker('b'),
      world.worker('c', { onInit: fails }),
      world.worker('d'),
    ];
    const starting = world.start(supervisor({ children }));
    await expect(starting).rejects.toMatchObject({ code: 'start_failed' });
    expect(world.news()).toEqual([
      'a started',
      'b started',
      'b terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('ending with a shutdown that holds the reason', async () => {
    const world = new World();
    const starting = world.start(supervisor({ children: [world.worker('a', { onInit: fails })] }));
    const why = { code: 'start_failed', cause: { message: 'no start' } };
    await expect(starting).rejects.toMatchObject({ cause: { shutdown: why } });
  });

  test('failing when the name of a child is taken', async () => {
    const world = new World();
    await world.startWorker('taken');
    const children = [world.worker('a'), world.worker('b', { name: 'taken' })];
    const starting = world.start(supervisor({ children }));
    await expect(starting).rejects.toMatchObject({
      cause: { shutdown: { code: 'already_started', details: { ref: { name: 'taken' } } } },
    });
    expect(world.news()).toEqual(['a started', 'a terminated shutdown']);
    expect(world.registry.names()).toEqual(['taken']);
  });

  test('failing when a child takes longer to start than it may', async () => {
    const world = new World();
    const { opened, open } = gate();
    const slow = world.worker('b', { onInit: () => opened, startTimeoutMs: 100 });
    const starting = world.start(supervisor({ children: [world.worker('a'), slow] }));
    const refused = expect(starting).rejects.toMatchObject({
      cause: { shutdown: { code: 'start_timeout' } },
    });
    await world.clock.advance(100);
    await refused;
    open();
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });

  test('failing through all levels and stopping what every level had started', async () => {
    const world = new World();
    const inner = supervisor({
      children: [world.worker('b'), world.worker('c', { onInit: fails })],
    });
    const starting = world.start(
      supervisor({ children: [world.worker('a'), { id: 'inner', logic: inner }] }),
    );
    await expect(starting).rejects.toMatchObject({ code: 'start_failed' });
    expect(world.news()).toEqual([
      'a started',
      'b started',
      'b terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('waiting at a failed start for what has to be stopped', async () => {
    const world = new World();
    const { opened, open } = gate();
    const children = [
      world.worker('a', { onTerminate: () => opened }),
      world.worker('b', { onInit: fails }),
    ];
    const starting = world.start(supervisor({ children }));
    const refused = expect(starting).rejects.toMatchObject({ code: 'start_failed' });
    await settle();
    expect(world.news()).toEqual(['a started', 'a stopping']);
    open();
    await refused;
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: restart of a child that does not start again', () => {
  test('trying again, each try a restart, and leaving the siblings alone', async () => {
    const world = new World();
    const attempts = failingAt(2, 3);
    const top = await world.supervise([
      world.worker('a', { onInit: attempts.onInit }),
      world.worker('b'),
    ]);
    await world.crash('a');
    expect(attempts.starts).toBe(4);
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running']);
  });

  test('counting the tries, and giving up after one too many', async () => {
    const world = new World();
    const attempts = failingAt(2, 3, 4, 5);
    await world.supervise([world.worker('a', { onInit: attempts.onInit }), world.worker('b')]);
    await world.crash('a');
    expect(attempts.starts).toBe(4);
    expect(world.news()).toEqual(['a terminated crash', 'b terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('stopping those of a group that came up before the one that did not', async () => {
    const world = new World();
    const attempts = failingAt(2);
    await world.supervise(
      [world.worker('a'), world.worker('b', { onInit: attempts.onInit }), world.worker('c')],
      { strategy: 'one_for_all' },
    );
    await world.crash('c');
    expect(world.news()).toEqual([
      'c terminated crash',
      'b terminated shutdown',
      'a terminated shutdown',
      'a started',
      'a terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
  });

  test('going on from the one of the rest that did not come up', async () => {
    const world = new World();
    const attempts = failingAt(2);
    const middle = world.worker('b', { onInit: attempts.onInit });
    await world.supervise([world.worker('a'), middle, world.worker('c')], {
      strategy: 'rest_for_one',
    });
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'c terminated shutdown',
      'b terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
    expect(attempts.starts).toBe(3);
  });

  test('keeping the spec of a child that decides, at its restart, not to start', async () => {
    const world = new World();
    let starts = 0;
    const onInit = () => (++starts === 1 ? undefined : 'ignore');
    const top = await world.supervise([world.worker('a', { onInit }), world.worker('b')]);
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash']);
    expect(statuses(await whichChildren(top))).toEqual(['a stopped', 'b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('ending a child that took too long to come up again, and trying once more', async () => {
    const world = new World();
    let starts = 0;
    const onInit = () => (++starts === 2 ? new Promise(() => {}) : undefined);
    const top = await world.supervise([world.worker('a', { onInit, startTimeoutMs: 100 })]);
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash']);
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a started']);
    stopServer(top, 'shutdown').catch(() => {});
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });
});
