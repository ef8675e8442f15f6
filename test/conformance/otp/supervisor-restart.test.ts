import { describe, expect, test } from 'vitest';
import {
  call,
  type ExitReason,
  exit,
  type Restart,
  startChild,
  stopServer,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { gate, NOTHING, statuses, World } from '../../support/trees.ts';

const three = (world: World, restart: Restart = 'permanent') =>
  ['a', 'b', 'c'].map((id) => world.worker(id, { restart }));

describe('supervisor: restart strategies, one_for_one', () => {
  test('restarting the child that ended and nobody else', async () => {
    const world = new World();
    await world.supervise(three(world), { strategy: 'one_for_one' });
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'b started']);
  });

  test('being the strategy where none is given', async () => {
    const world = new World();
    await world.supervise(three(world));
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
  });

  test('restarting two that crash together, each on its own', async () => {
    const world = new World();
    await world.supervise(three(world));
    await world.crash('a', 'c');
    expect(world.news().sort()).toEqual([
      'a started',
      'a terminated crash',
      'c started',
      'c terminated crash',
    ]);
  });

  test('giving each incarnation the input of the spec', async () => {
    const world = new World();
    await world.supervise(three(world));
    await world.crash('b');
    expect(await call(world.ref('b'), { type: 'whoami' })).toBe('b');
  });

  test('keeping the place of a restarted child in the order', async () => {
    const world = new World();
    const top = await world.supervise(three(world));
    await world.crash('a');
    world.news();
    await stopServer(top);
    expect(world.news()).toEqual([
      'c terminated shutdown',
      'b terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: restart strategies, one_for_all', () => {
  test('stopping all others in reverse and starting all in order', async () => {
    const world = new World();
    await world.supervise(three(world), { strategy: 'one_for_all' });
    await world.crash('b');
    expect(world.news()).toEqual([
      'b terminated crash',
      'c terminated shutdown',
      'a terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
  });

  test('waiting for the last one to be stopped before the first is started', async () => {
    const world = new World();
    const { opened, open } = gate();
    await world.supervise([world.worker('a', { onTerminate: () => opened }), world.worker('b')], {
      strategy: 'one_for_all',
    });
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'a stopping']);
    open();
    await settle();
    expect(world.news()).toEqual(['a terminated shutdown', 'a started', 'b started']);
  });

  test('restarting a transient sibling that is stopped on account of another', async () => {
    const world = new World();
    await world.supervise([world.worker('a', { restart: 'transient' }), world.worker('b')], {
      strategy: 'one_for_all',
    });
    await world.crash('b');
    expect(world.news()).toEqual([
      'b terminated crash',
      'a terminated shutdown',
      'a started',
      'b started',
    ]);
  });

  test('never restarting a temporary sibling, and forgetting its spec', async () => {
    const world = new World();
    const top = await world.supervise(
      [world.worker('a', { restart: 'temporary' }), world.worker('b')],
      { strategy: 'one_for_all' },
    );
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'a terminated shutdown', 'b started']);
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('touching nobody when the end of a child asks for no restart', async () => {
    const world = new World();
    await world.supervise(three(world, 'transient'), { strategy: 'one_for_all' });
    await world.finish('b', 'normal');
    expect(world.news()).toEqual(['b terminated normal']);
  });

  test('starting a terminated child again with all others', async () => {
    const world = new World();
    const top = await world.supervise(three(world), { strategy: 'one_for_all' });
    await terminateChild(top, 'a');
    world.news();
    await world.crash('c');
    expect(world.news()).toEqual([
      'c terminated crash',
      'b terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });

  test('taking crashes in one tick for one restart', async () => {
    const world = new World();
    const top = await world.supervise(three(world), {
      strategy: 'one_for_all',
      restartIntensity: { restarts: 1, withinMs: 5_000 },
    });
    await world.crash('a', 'b', 'c');
    const news = world.news();
    expect(news.slice(0, 3).sort()).toEqual(['a', 'b', 'c'].map((id) => `${id} terminated crash`));
    expect(news.slice(3)).toEqual(['a started', 'b started', 'c started']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running', 'c running']);
  });

  test('taking all that ended while it was busy for one restart', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise(three(world), {
      strategy: 'one_for_all',
      restartIntensity: { restarts: 1, withinMs: 5_000 },
    });
    const adding = startChild(top, world.worker('d', { onInit: () => opened }));
    for (const id of ['a', 'b', 'c']) exit(world.ref(id), 'kill');
    open();
    await adding;
    await settle();
    const restarted = ['a started', 'b started', 'c started', 'd started'];
    expect(world.news()).toEqual(['d started', 'd terminated shutdown', ...restarted]);
    expect(await whichChildren(top)).toHaveLength(4);
  });
});

describe('supervisor: restart strategies, rest_for_one', () => {
  test('restarting those that were started after it, and none before it', async () => {
    const world = new World();
    await world.supervise([...three(world), world.worker('d')], { strategy: 'rest_for_one' });
    await world.crash('b');
    expect(world.news()).toEqual([
      'b terminated crash',
      'd terminated shutdown',
      'c terminated shutdown',
      'b started',
      'c started',
      'd started',
    ]);
  });

  test('restarting all for the first', async () => {
    const world = new World();
    await world.supervise(three(world), { strategy: 'rest_for_one' });
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'c terminated shutdown',
      'b terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
  });

  test('restarting nobody else for the last', async () => {
    const world = new World();
    await world.supervise(three(world), { strategy: 'rest_for_one' });
    await world.crash('c');
    expect(world.news()).toEqual(['c terminated crash', 'c started']);
  });

  test('never restarting a temporary child of the rest', async () => {
    const world = new World();
    await world.supervise(
      [world.worker('a'), world.worker('b', { restart: 'temporary' }), world.worker('c')],
      { strategy: 'rest_for_one' },
    );
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'c terminated shutdown',
      'b terminated shutdown',
      'a started',
      'c started',
    ]);
    expect(world.registry.names()).toEqual(['top', 'a', 'c']);
  });

  test('taking in a crash of a sibling that comes while the rest is started', async () => {
    const world = new World();
    const { opened, open } = gate();
    let starts = 0;
    const onInit = () => (++starts === 2 ? opened : undefined);
    await world.supervise([world.worker('a'), world.worker('b', { onInit })], {
      strategy: 'rest_for_one',
    });
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash', 'b terminated shutdown', 'a started']);
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash']);
    open();
    await settle();
    expect(world.news()).toEqual(['b started', 'b terminated shutdown', 'a started', 'b started']);
  });

  test('taking in a crash of a sibling that comes before its turn to be stopped', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise(
      [...three(world), world.worker('d', { onTerminate: () => opened })],
      { strategy: 'rest_for_one', restartIntensity: { restarts: 1, withinMs: 5_000 } },
    );
    await world.crash('b');
    await world.crash('c');
    expect(world.news()).toEqual(['b terminated crash', 'd stopping', 'c terminated crash']);
    open();
    await settle();
    expect(world.news()).toEqual(['d terminated shutdown', 'b started', 'c started', 'd started']);
    expect(await whichChildren(top)).toHaveLength(4);
  });
});

describe('supervisor: child specification, restart', () => {
  const error = new Error('failure');
  const ends: [ExitReason, string][] = [
    ['normal', 'normal'],
    ['shutdown', 'shutdown'],
    [{ shutdown: 'enough' }, 'shutdown'],
    [error, 'failure'],
  ];

  test.each(ends)('restarting a permanent child after %o', async (reason, word) => {
    const world = new World();
    await world.supervise([world.worker('a'), world.worker('b')]);
    await world.finish('a', reason);
    expect(world.news()).toEqual([`a terminated ${word}`, 'a started']);
  });

  test.each(ends.slice(0, 3))('not restarting a transient child after %o', async (reason, word) => {
    const world = new World();
    const top = await world.supervise(three(world, 'transient'));
    await world.finish('a', reason);
    expect(world.news()).toEqual([`a terminated ${word}`]);
    expect(statuses(await whichChildren(top))).toEqual(['a stopped', 'b running', 'c running']);
    expect(world.registry.names()).toEqual(['top', 'b', 'c']);
  });

  test('restarting a transient child after an error', async () => {
    const world = new World();
    await world.supervise(three(world, 'transient'));
    await world.finish('a', error);
    expect(world.news()).toEqual(['a terminated failure', 'a started']);
  });

  test('restarting a transient child after a kill', async () => {
    const world = new World();
    await world.supervise(three(world, 'transient'));
    exit(world.ref('a'), 'kill');
    await settle();
    expect(world.news()).toEqual(['a started']);
  });

  test.each(ends)('forgetting a temporary child after %o', async (reason, word) => {
    const world = new World();
    const top = await world.supervise(three(world, 'temporary'));
    await world.finish('b', reason);
    expect(world.news()).toEqual([`b terminated ${word}`]);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'c running']);
    expect(world.registry.names()).toEqual(['top', 'a', 'c']);
  });

  test('giving the callers of a crashed child server_down', async () => {
    const world = new World();
    await world.supervise(three(world));
    const waiting = call(world.ref('a'), { type: 'wait' });
    exit(world.ref('a'), 'kill');
    await expect(waiting).rejects.toMatchObject({ code: 'server_down' });
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });

  test('finding the next incarnation by the ref and not by the actor', async () => {
    const world = new World();
    const top = await world.supervise(three(world));
    const [first] = await whichChildren(top);
    const actor = first?.ref.actor;
    await world.crash('a');
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
    expect(first?.ref.actor).toBeDefined();
    expect(first?.ref.actor).not.toBe(actor);
    expect(actor?.getSnapshot().status).not.toBe('active');
  });
});
