import { describe, expect, test } from 'vitest';
import { call, supervisor, whichChildren } from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, NOTHING, statuses, World } from '../../support/trees.ts';

const exceeded = { shutdown: expect.objectContaining({ code: 'restart_intensity_exceeded' }) };

async function crashTimes(world: World, name: string, times: number): Promise<void> {
  for (let crash = 0; crash < times; crash += 1) await world.crash(name);
}

describe('supervisor: restart intensity and period', () => {
  test('taking three restarts in 5,000 ms where nothing is said, and no fourth', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    const end = endOf(top);
    await crashTimes(world, 'a', 3);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running']);
    await world.crash('a');
    expect(await end).toEqual(exceeded);
    expect(world.left()).toEqual(NOTHING);
  });

  test('stopping the others, last first, when it gives up', async () => {
    const world = new World();
    const top = await world.supervise(
      ['a', 'b', 'c', 'd'].map((id) => world.worker(id)),
      { restartIntensity: { restarts: 0, withinMs: 1_000 } },
    );
    await world.crash('b');
    expect(world.news()).toEqual([
      'b terminated crash',
      'd terminated shutdown',
      'c terminated shutdown',
      'a terminated shutdown',
    ]);
    expect(top.actor).toBeUndefined();
    expect(world.left()).toEqual(NOTHING);
  });

  test('saying who ended last, and how, when it gives up', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 0, withinMs: 1_000 },
    });
    const end = endOf(top);
    await world.crash('a');
    expect(await end).toMatchObject({
      shutdown: { details: { supervisor: 'top', child: 'a' }, cause: { message: 'crash' } },
    });
  });

  test('forgetting restarts that are longer ago than the period', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 1, withinMs: 1_000 },
    });
    for (let crash = 0; crash < 5; crash += 1) {
      await world.crash('a');
      await world.clock.advance(1_001);
    }
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('letting the period slide, not begin anew', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 2, withinMs: 1_000 },
    });
    const end = endOf(top);
    await world.clock.advance(600);
    await crashTimes(world, 'a', 2);
    await world.clock.advance(600);
    await world.crash('a');
    expect(await end).toEqual(exceeded);
  });

  test('measuring the period on the clock that never jumps', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 1, withinMs: 1_000 },
    });
    const end = endOf(top);
    await world.crash('a');
    world.clock.jumpWall(3_600_000);
    await world.crash('a');
    expect(await end).toEqual(exceeded);
  });

  test('counting the restarts of all children together', async () => {
    const world = new World();
    const top = await world.supervise(
      ['a', 'b', 'c'].map((id) => world.worker(id)),
      { restartIntensity: { restarts: 2, withinMs: 1_000 } },
    );
    const end = endOf(top);
    await world.crash('a');
    await world.crash('b');
    await world.crash('c');
    expect(await end).toEqual(exceeded);
  });

  test('counting one restart for a child, however many go with it', async () => {
    const world = new World();
    const top = await world.supervise(
      ['a', 'b', 'c'].map((id) => world.worker(id)),
      { strategy: 'one_for_all', restartIntensity: { restarts: 2, withinMs: 1_000 } },
    );
    await crashTimes(world, 'a', 2);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running', 'c running']);
  });

  test('counting normal ends of permanent children too', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 0, withinMs: 1_000 },
    });
    const end = endOf(top);
    await world.finish('a', 'normal');
    expect(await end).toEqual(exceeded);
  });

  test('not counting ends that are followed by no restart', async () => {
    const world = new World();
    const top = await world.supervise(
      [
        world.worker('a', { restart: 'temporary' }),
        world.worker('b', { restart: 'transient' }),
        world.worker('c'),
      ],
      { restartIntensity: { restarts: 0, withinMs: 1_000 } },
    );
    await world.crash('a');
    await world.finish('b', 'normal');
    expect(world.news()).toEqual(['a terminated crash', 'b terminated normal']);
    expect(statuses(await whichChildren(top))).toEqual(['b stopped', 'c running']);
  });

  test('refusing the callers of a child that is given up', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 0, withinMs: 1_000 },
    });
    const a = world.ref('a');
    await world.crash('a');
    await expect(call(a, { type: 'whoami' })).rejects.toMatchObject({ code: 'noproc' });
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: restart intensity, escalation through three levels', () => {
  const strict = { restarts: 0, withinMs: 1_000 };

  function threeLevels(world: World, restarts: number) {
    const low = supervisor({
      restartIntensity: strict,
      children: [world.worker('a'), world.worker('b')],
    });
    const middle = supervisor({
      restartIntensity: strict,
      children: [{ id: 'low', name: 'low', logic: low }, world.worker('c')],
    });
    return world.supervise([{ id: 'middle', name: 'middle', logic: middle }, world.worker('d')], {
      restartIntensity: { restarts, withinMs: 1_000 },
    });
  }

  test('restarting at the first level that takes it, all below anew, none beside', async () => {
    const world = new World();
    const top = await threeLevels(world, 1);
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'b terminated shutdown',
      'c terminated shutdown',
      'a started',
      'b started',
      'c started',
    ]);
    expect(statuses(await whichChildren(top))).toEqual(['middle running', 'd running']);
    expect(world.registry.names().sort()).toEqual(['a', 'b', 'c', 'd', 'low', 'middle', 'top']);
  });

  test('ending all when no level takes it', async () => {
    const world = new World();
    const top = await threeLevels(world, 0);
    const end = endOf(top);
    await world.crash('a');
    expect(await end).toEqual(exceeded);
    expect(world.news()).toEqual([
      'a terminated crash',
      'b terminated shutdown',
      'c terminated shutdown',
      'd terminated shutdown',
    ]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('beginning with a clean history in a restarted supervisor', async () => {
    const world = new World();
    const low = supervisor({
      restartIntensity: { restarts: 1, withinMs: 1_000 },
      children: [world.worker('a')],
    });
    const top = await world.supervise([{ id: 'low', logic: low }, world.worker('b')]);
    await crashTimes(world, 'a', 3);
    expect(statuses(await whichChildren(top))).toEqual(['low running', 'b running']);
    expect(world.news()).toEqual(Array(3).fill(['a terminated crash', 'a started']).flat());
  });

  test('not restarting a transient supervisor that gave up, for that is a shutdown', async () => {
    const world = new World();
    const low = supervisor({ restartIntensity: strict, children: [world.worker('a')] });
    const top = await world.supervise([
      { id: 'low', logic: low, restart: 'transient' },
      world.worker('b'),
    ]);
    await world.crash('a');
    await settle();
    expect(statuses(await whichChildren(top))).toEqual(['low stopped', 'b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });
});
