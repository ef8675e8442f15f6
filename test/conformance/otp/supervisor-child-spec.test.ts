import { describe, expect, test } from 'vitest';
import {
  deleteChild,
  dynamicSupervisor,
  getChildSpec,
  startChild,
  stopServer,
  supervisor,
  whichChildren,
} from '../../../src/index.ts';
import { NOTHING, World, worker } from '../../support/trees.ts';

const input = { id: 'a', journal: [] };
const invalid = expect.objectContaining({ code: 'invalid_option' });

describe('supervisor: child specification, defaults', () => {
  test('restarting for ever, giving 5,000 ms, being of no significance', async () => {
    const world = new World();
    const top = await world.supervise([{ id: 'a', logic: worker, input }]);
    expect(await getChildSpec(top, 'a')).toEqual({
      id: 'a',
      logic: worker,
      input,
      name: undefined,
      restart: 'permanent',
      shutdown: 5_000,
      significant: false,
      startTimeoutMs: Infinity,
      type: 'worker',
    });
  });

  test('giving a supervisor for ever to shut down', async () => {
    const world = new World();
    const top = await world.supervise([
      { id: 'inner', logic: supervisor({}) },
      { id: 'dynamic', logic: dynamicSupervisor() },
    ]);
    const inner = { shutdown: 'infinity', type: 'supervisor' };
    expect(await getChildSpec(top, 'inner')).toMatchObject(inner);
    expect(await getChildSpec(top, 'dynamic')).toMatchObject(inner);
  });

  test('keeping what the spec says', async () => {
    const world = new World();
    const spec = world.worker('a', {
      restart: 'transient',
      shutdown: 'brutal_kill',
      significant: true,
      startTimeoutMs: 10,
    });
    const top = await world.supervise([spec], { autoShutdown: 'any_significant' });
    expect(await getChildSpec(top, 'a')).toEqual({ ...spec, type: 'worker' });
  });

  test('telling types and restarts in whichChildren', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a', { restart: 'temporary' }),
      { id: 'inner', logic: supervisor({}) },
    ]);
    const [a, inner] = await whichChildren(top);
    expect(a).toMatchObject({ id: 'a', type: 'worker', restart: 'temporary' });
    expect(inner).toMatchObject({ id: 'inner', type: 'supervisor', restart: 'permanent' });
  });
});

describe('supervisor: child specification, what is rejected', () => {
  const wrong = (field: object) => () =>
    supervisor({ children: [{ id: 'a', logic: worker, input, ...field }] });

  test.each([
    ['an empty id', { id: '' }],
    ['an unknown restart', { restart: 'always' }],
    ['a negative shutdown', { shutdown: -1 }],
    ['a shutdown that is no number', { shutdown: Number.NaN }],
    ['an unknown shutdown', { shutdown: 'kill' }],
    ['a significant that is no boolean', { significant: 'yes' }],
    ['a logic that is none', { logic: {} }],
    ['an empty name', { name: '' }],
    ['a negative start time', { startTimeoutMs: -1 }],
  ])('rejecting %s', (_what, field) => {
    expect(wrong(field)).toThrow(invalid);
  });

  test('rejecting a missing id', () => {
    expect(() => supervisor({ children: [{ logic: worker, input }] })).toThrow(invalid);
  });

  test('rejecting two children of one id', () => {
    const child = { id: 'a', logic: worker, input };
    expect(() => supervisor({ children: [child, child] })).toThrow(invalid);
  });

  test('rejecting a permanent significant child', () => {
    const child = { id: 'a', logic: worker, input, significant: true } as const;
    expect(() => supervisor({ autoShutdown: 'any_significant', children: [child] })).toThrow(
      invalid,
    );
  });

  test.each([
    ['strategy', { strategy: 'one_for_some' }],
    ['autoShutdown', { autoShutdown: 'always' }],
    ['intensity', { restartIntensity: { restarts: -1, withinMs: 5_000 } }],
    ['period', { restartIntensity: { restarts: 1, withinMs: 0 } }],
  ])('rejecting a supervisor flag: %s', (_flag, flags) => {
    expect(() => supervisor(flags as object)).toThrow(invalid);
  });

  test('refusing a wrong spec of startChild and going on', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    await expect(startChild(top, { id: 'b', logic: worker, input, shutdown: -1 })).rejects.toThrow(
      invalid,
    );
    expect((await whichChildren(top)).map(({ id }) => id)).toEqual(['a']);
    expect(world.news()).toEqual([]);
  });
});

describe('supervisor: child specification, ignore', () => {
  test('keeping the spec of a child that decides not to start', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a', { onInit: () => 'ignore' }),
      world.worker('b'),
    ]);
    const [a, b] = await whichChildren(top);
    expect(a).toMatchObject({ id: 'a', status: 'stopped' });
    expect(a?.ref.actor).toBeUndefined();
    expect(b).toMatchObject({ id: 'b', status: 'running' });
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('keeping no spec of a temporary child that decides not to start', async () => {
    const world = new World();
    const top = await world.supervise([
      world.worker('a', { onInit: () => 'ignore', restart: 'temporary' }),
      world.worker('b'),
    ]);
    expect((await whichChildren(top)).map(({ id }) => id)).toEqual(['b']);
  });

  test('deleting the spec of a child that decided not to start', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a', { onInit: () => 'ignore' })]);
    await deleteChild(top, 'a');
    expect(await whichChildren(top)).toEqual([]);
    await stopServer(top, 'shutdown');
    expect(world.left()).toEqual(NOTHING);
  });
});
