import { describe, expect, test } from 'vitest';
import {
  call,
  countChildren,
  deleteChild,
  getChildSpec,
  restartChild,
  startChild,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { failingAt, NOTHING, statuses, World } from '../../support/trees.ts';

const backoff = { restartBackoff: { initialMs: 100, jitter: 0 } };
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('supervisor: start_child', () => {
  test('adding a child after the others, where it is stopped first', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const b = await startChild(top, world.worker('b'));
    expect(await call(b, { type: 'whoami' })).toBe('b');
    expect(world.news()).toEqual(['b started']);
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual(['b terminated shutdown', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('supervising an added child as its spec says', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], { strategy: 'rest_for_one' });
    await startChild(top, world.worker('b'));
    world.news();
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'b terminated shutdown',
      'a started',
      'b started',
    ]);
  });

  test('refusing an id whose child runs, and naming that child', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const again = startChild(top, world.worker('a', { name: 'other' }));
    await expect(again).rejects.toThrow(code('already_started'));
    await expect(again).rejects.toMatchObject({ details: { ref: { name: 'a' } } });
    expect(world.news()).toEqual([]);
    expect(world.registry.names()).toEqual(['top', 'a']);
  });

  test('refusing an id whose child does not run', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await terminateChild(top, 'a');
    world.news();
    await expect(startChild(top, world.worker('a'))).rejects.toThrow(code('already_present'));
    expect(world.news()).toEqual([]);
  });

  test('refusing a name that is taken, and keeping no spec', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const adding = startChild(top, world.worker('b', { name: 'a' }));
    await expect(adding).rejects.toThrow(code('already_started'));
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('discarding the spec of a child that cannot be started, and going on', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const adding = startChild(top, world.worker('b', failingAt(1)));
    await expect(adding).rejects.toMatchObject({
      code: 'start_failed',
      cause: { message: 'start 1 fails' },
    });
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
    expect(world.registry.names()).toEqual(['top', 'a']);
    expect(world.news()).toEqual([]);
  });

  test('discarding the spec of a child that takes too long', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const slow = world.worker('b', { onInit: () => new Promise(() => {}), startTimeoutMs: 100 });
    const adding = expect(startChild(top, slow)).rejects.toThrow(code('start_timeout'));
    await world.clock.advance(100);
    await adding;
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
    expect(world.left()).toEqual({ names: ['top', 'a'], timers: 0, running: ['top', 'a'] });
  });

  test('keeping the spec of a child that decides not to start', async () => {
    const world = new World();
    const top = await world.supervise([]);
    const ref = await startChild(top, world.worker('a', { onInit: () => 'ignore' }));
    expect(ref.actor).toBeUndefined();
    expect(statuses(await whichChildren(top))).toEqual(['a stopped']);
  });

  test('waiting longer than any call while the child starts', async () => {
    const world = new World();
    const top = await world.supervise([]);
    const onInit = () => new Promise<void>((done) => world.clock.setTimeout(() => done(), 60_000));
    const adding = startChild(top, world.worker('a', { onInit }));
    await world.clock.advance(60_000);
    expect(await call(await adding, { type: 'whoami' })).toBe('a');
  });
});

describe('supervisor: terminate_child', () => {
  test('stopping one child, keeping its spec, and leaving the others alone', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], {
      strategy: 'one_for_all',
    });
    await terminateChild(top, 'a');
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(statuses(await whichChildren(top))).toEqual(['a stopped', 'b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('finding the child by its ref', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    await terminateChild(top, world.ref('b'));
    expect(world.news()).toEqual(['b terminated shutdown']);
  });

  test('forgetting a temporary child', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { restart: 'temporary' })]);
    await terminateChild(top, 'a');
    expect(await whichChildren(top)).toEqual([]);
    await expect(restartChild(top, 'a')).rejects.toThrow(code('not_found'));
    await expect(deleteChild(top, 'a')).rejects.toThrow(code('not_found'));
  });

  test('being content with a child that does not run', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await terminateChild(top, 'a');
    await terminateChild(top, 'a');
    expect(world.news()).toEqual(['a terminated shutdown']);
  });

  test('counting no restart', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 0, withinMs: 5_000 },
    });
    await terminateChild(top, 'a');
    await restartChild(top, 'a');
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('taking back a restart that is due', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], backoff);
    await world.crash('a');
    await terminateChild(top, 'a');
    await world.clock.advance(1_000);
    expect(world.news()).toEqual(['a terminated crash']);
    expect(statuses(await whichChildren(top))).toEqual(['a stopped', 'b running']);
  });

  test('refusing an unknown id and a stranger', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const stranger = await world.startWorker('stranger');
    await expect(terminateChild(top, 'b')).rejects.toThrow(code('not_found'));
    await expect(terminateChild(top, stranger)).rejects.toThrow(code('not_found'));
    expect(world.news()).toEqual([]);
  });
});

describe('supervisor: restart_child', () => {
  test('starting a terminated child with the same ref, and nobody else', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    const [before] = await whichChildren(top);
    await terminateChild(top, 'a');
    world.news();
    await restartChild(top, 'a');
    expect(world.news()).toEqual(['a started']);
    expect(before?.ref.actor).toBeDefined();
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });

  test('starting a transient child that ended normally', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { restart: 'transient' })]);
    await world.finish('a', 'normal');
    await restartChild(top, 'a');
    expect(world.news()).toEqual(['a terminated normal', 'a started']);
  });

  test('refusing a child that runs', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await expect(restartChild(top, 'a')).rejects.toThrow(code('running'));
    expect(world.news()).toEqual([]);
  });

  test('refusing a child that is about to be restarted', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    await expect(restartChild(top, 'a')).rejects.toThrow(code('restarting'));
    expect(world.news()).toEqual(['a terminated crash']);
  });

  test('refusing an unknown id', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await expect(restartChild(top, 'b')).rejects.toThrow(code('not_found'));
  });

  test('keeping the spec of a child that fails to start', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', failingAt(2))]);
    await terminateChild(top, 'a');
    await expect(restartChild(top, 'a')).rejects.toThrow(code('start_failed'));
    expect(statuses(await whichChildren(top))).toEqual(['a stopped']);
    expect(world.registry.names()).toEqual(['top']);
    await restartChild(top, 'a');
    expect(world.news()).toEqual(['a terminated shutdown', 'a started']);
  });

  test('keeping the spec of a child whose name was taken meanwhile', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await terminateChild(top, 'a');
    const taker = await world.startWorker('a');
    await expect(restartChild(top, 'a')).rejects.toThrow(code('already_started'));
    expect(statuses(await whichChildren(top))).toEqual(['a stopped']);
    await stopServer(taker);
    await restartChild(top, 'a');
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });
});

describe('supervisor: delete_child', () => {
  test('forgetting the spec of a child that does not run', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    await terminateChild(top, 'a');
    await deleteChild(top, 'a');
    expect(statuses(await whichChildren(top))).toEqual(['b running']);
    await startChild(top, world.worker('a'));
    expect(world.news()).toEqual(['a terminated shutdown', 'a started']);
  });

  test('refusing a child that runs', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await expect(deleteChild(top, 'a')).rejects.toThrow(code('running'));
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('refusing a child that is about to be restarted', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    await expect(deleteChild(top, 'a')).rejects.toThrow(code('restarting'));
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
  });

  test('refusing an unknown id', async () => {
    const world = new World();
    const top = await world.supervise([]);
    await expect(deleteChild(top, 'a')).rejects.toThrow(code('not_found'));
  });
});

describe('supervisor: which_children, count_children, get_childspec', () => {
  test('listing children in start order, with what they are doing', async () => {
    const world = new World();
    const top = await world.supervise(
      [world.worker('a'), world.worker('b'), { id: 'inner', logic: supervisor({}) }],
      backoff,
    );
    await terminateChild(top, 'a');
    await world.crash('b');
    const children = await whichChildren(top);
    expect(statuses(children)).toEqual(['a stopped', 'b restarting', 'inner running']);
    expect(children.map(({ ref }) => ref.actor !== undefined)).toEqual([false, false, true]);
  });

  test('counting specs, active children, supervisors and workers', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a'),
      world.worker('b'),
      { id: 'inner', logic: supervisor({}) },
      { id: 'other', logic: supervisor({}) },
    ]);
    await terminateChild(top, 'a');
    await terminateChild(top, 'other');
    const counts = { specs: 4, active: 2, supervisors: 2, workers: 2 };
    expect(await countChildren(top)).toEqual(counts);
  });

  test('not counting a child as active that is about to be restarted', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')], backoff);
    await world.crash('a');
    expect(await countChildren(top)).toMatchObject({ specs: 2, active: 1 });
  });

  test('giving the spec of a child that does not run', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { shutdown: 10 })]);
    await terminateChild(top, 'a');
    expect(await getChildSpec(top, 'a')).toMatchObject({ id: 'a', shutdown: 10 });
  });

  test('refusing the spec of an unknown id', async () => {
    const world = new World();
    const top = await world.supervise([]);
    await expect(getChildSpec(top, 'a')).rejects.toThrow(code('not_found'));
  });

  test('refusing all questions to a supervisor that is gone', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await stopServer(top);
    await expect(whichChildren(top)).rejects.toThrow(code('noproc'));
    await expect(startChild(top, world.worker('b'))).rejects.toThrow(code('noproc'));
    await expect(terminateChild(top, 'a')).rejects.toThrow(code('noproc'));
  });
});
