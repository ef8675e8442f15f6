import { describe, expect, test } from 'vitest';
import {
  startChild,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, NOTHING, statuses, World } from '../../support/trees.ts';

const significant = (world: World, id: string, restart: 'transient' | 'temporary') =>
  world.worker(id, { significant: true, restart });

describe('supervisor: automatic shutdown, any_significant', () => {
  const autoShutdown = 'any_significant';

  test('shutting down at the normal end of a transient significant child', async () => {
    const world = new World();
    const top = await world.supervise(
      [world.worker('a'), significant(world, 'b', 'transient'), world.worker('c')],
      { autoShutdown },
    );
    const end = endOf(top);
    await world.finish('b', 'normal');
    expect(await end).toBe('shutdown');
    expect(world.news()).toEqual([
      'b terminated normal',
      'c terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('restarting a transient significant child that crashes, and going on', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), significant(world, 'b', 'transient')], {
      autoShutdown,
    });
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'b started']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running']);
  });

  test.each(['normal', new Error('failure')] as const)(
    'shutting down at the end of a temporary significant child: %s',
    async (reason) => {
      const world = new World();
      const top = await world.supervise([world.worker('a'), significant(world, 'b', 'temporary')], {
        autoShutdown,
      });
      const end = endOf(top);
      await world.finish('b', reason);
      expect(await end).toBe('shutdown');
      expect(world.news().slice(1)).toEqual(['a terminated shutdown']);
      expect(world.left()).toEqual(NOTHING);
    },
  );

  test('going on at the end of a child of no significance', async () => {
    const world = new World();
    const top = await world.supervise(
      [world.worker('a', { restart: 'temporary' }), significant(world, 'b', 'transient')],
      { autoShutdown },
    );
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash']);
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
  });

  test('going on when a significant child is terminated by hand', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), significant(world, 'b', 'transient')], {
      autoShutdown,
    });
    await terminateChild(top, 'b');
    await settle();
    expect(world.news()).toEqual(['b terminated shutdown']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b stopped']);
  });

  test('going on when a significant child goes with a sibling', async () => {
    const world = new World();
    const top = await world.supervise([significant(world, 'a', 'temporary'), world.worker('b')], {
      autoShutdown,
      strategy: 'one_for_all',
    });
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'a terminated shutdown', 'b started']);
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
  });
});

describe('supervisor: automatic shutdown, all_significant', () => {
  const autoShutdown = 'all_significant';

  test('shutting down at the end of the last significant child, not before', async () => {
    const world = new World();
    const top = await world.supervise(
      [
        world.worker('a'),
        significant(world, 'b', 'transient'),
        significant(world, 'c', 'temporary'),
      ],
      { autoShutdown },
    );
    const end = endOf(top);
    await world.finish('c', new Error('failure'));
    expect(world.news()).toEqual(['c terminated failure']);
    await world.finish('b', 'normal');
    expect(await end).toBe('shutdown');
    expect(world.news()).toEqual(['b terminated normal', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('counting only the significant children that are active', async () => {
    const world = new World();
    const top = await world.supervise(
      [significant(world, 'a', 'transient'), significant(world, 'b', 'transient')],
      { autoShutdown },
    );
    const end = endOf(top);
    await terminateChild(top, 'a');
    await world.finish('b', 'shutdown');
    expect(await end).toBe('shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('counting a significant child that was added', async () => {
    const world = new World();
    const top = await world.supervise([significant(world, 'a', 'transient')], { autoShutdown });
    await startChild(top, significant(world, 'b', 'transient'));
    world.news();
    await world.finish('a', 'normal');
    expect(statuses(await whichChildren(top))).toEqual(['a stopped', 'b running']);
    const end = endOf(top);
    await world.finish('b', 'normal');
    expect(await end).toBe('shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('counting a significant child that is being restarted', async () => {
    const world = new World();
    const top = await world.supervise(
      [significant(world, 'a', 'transient'), significant(world, 'b', 'transient')],
      { autoShutdown, restartBackoff: { initialMs: 100, jitter: 0 } },
    );
    await world.crash('a');
    await world.finish('b', 'normal');
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a terminated crash', 'b terminated normal', 'a started']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b stopped']);
  });
});

describe('supervisor: automatic shutdown, never', () => {
  test('refusing to add a significant child', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const adding = startChild(top, significant(world, 'b', 'transient'));
    await expect(adding).rejects.toMatchObject({ code: 'invalid_option' });
    expect(world.news()).toEqual([]);
    expect(world.registry.names()).toEqual(['top', 'a']);
  });

  test('refusing a list with a significant child', () => {
    const child = significant(new World(), 'a', 'transient');
    expect(() => supervisor({ children: [child] })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});

describe('supervisor: automatic shutdown, one level up', () => {
  test('being a normal end of a transient supervisor, and a reason to restart a permanent', async () => {
    const world = new World();
    const inner = (id: string) =>
      supervisor({
        autoShutdown: 'any_significant',
        children: [significant(world, id, 'transient')],
      });
    const top = await world.supervise([
      { id: 'transient', logic: inner('a'), restart: 'transient' },
      { id: 'permanent', logic: inner('b') },
      world.worker('c'),
    ]);
    await world.finish('a', 'normal');
    await world.finish('b', 'normal');
    expect(world.news()).toEqual(['a terminated normal', 'b terminated normal', 'b started']);
    expect(statuses(await whichChildren(top))).toEqual([
      'transient stopped',
      'permanent running',
      'c running',
    ]);
    stopServer(top, 'shutdown').catch(() => {});
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });
});
