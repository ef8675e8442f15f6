import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  exit,
  localRegistry,
  Registry,
  startServer,
  stopServer,
  supervisor,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { gate, type Worker, World, worker } from '../../support/trees.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('Registry: register_name', () => {
  test('finding a server by its name', async () => {
    const world = new World();
    await world.startWorker('a');
    const found = world.registry.whereis<Worker>('a');
    expect(found && (await call(found, { type: 'whoami' }))).toBe('a');
  });

  test('reporting the first holder to whoever comes second, whose init does not run', async () => {
    const world = new World();
    await world.startWorker('a');
    const { registry, journal } = world;
    const second = startServer(worker, { name: 'a', registry, input: { id: 'second', journal } });
    await expect(second).rejects.toMatchObject({
      code: 'already_started',
      details: { name: 'a', ref: { name: 'a' } },
    });
    expect(journal).toEqual([]);
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });

  test('taking a name before init runs', async () => {
    const { registry, journal, clock } = new World();
    const seen: string[][] = [];
    const onInit = () => seen.push(registry.names());
    await startServer(worker, { name: 'a', registry, clock, input: { id: 'a', journal, onInit } });
    expect(seen).toEqual([['a']]);
  });

  test('letting only one of two who start at the same time have the name', async () => {
    const { registry, journal } = new World();
    const { opened, open } = gate();
    const start = (id: string) =>
      startServer(worker, { name: 'a', registry, input: { id, journal, onInit: () => opened } });
    const [first, second] = [start('first'), start('second')];
    await expect(second).rejects.toThrow(code('already_started'));
    open();
    expect(await call(await first, { type: 'whoami' })).toBe('first');
    expect(journal).toEqual(['first started']);
  });

  test('telling names apart that differ only in case', async () => {
    const world = new World();
    await world.startWorker('a');
    await world.startWorker('A');
    expect(await call(world.ref('A'), { type: 'whoami' })).toBe('A');
    expect(world.registry.names()).toEqual(['a', 'A']);
  });

  test('taking any text for a name, those of object properties included', async () => {
    const world = new World();
    for (const name of ['constructor', '__proto__', ' ']) {
      expect(world.registry.whereis(name)).toBeUndefined();
      await world.startWorker(name);
      expect(await call(world.ref(name), { type: 'whoami' })).toBe(name);
    }
  });

  test('keeping two registries apart', async () => {
    const [one, other] = [new World(), new World()];
    await one.startWorker('a');
    await other.startWorker('a');
    await stopServer(one.ref('a'));
    expect(one.registry.whereis('a')).toBeUndefined();
    expect(await call(other.ref('a'), { type: 'whoami' })).toBe('a');
  });

  test('using the registry of the thread where none is given', async () => {
    const { journal, clock } = new World();
    const name = 'conformance: local registry';
    const ref = await startServer(worker, { name, clock, input: { id: 'a', journal } });
    expect(localRegistry.whereis(name)?.actor).toBe(ref.actor);
    await stopServer(ref);
    expect(localRegistry.whereis(name)).toBeUndefined();
  });

  test('handing the registry down a tree', async () => {
    const world = new World();
    const inner = supervisor({ children: [world.worker('a')] });
    await world.supervise([{ id: 'inner', name: 'inner', logic: inner }]);
    expect(world.registry.names()).toEqual(['top', 'inner', 'a']);
    expect(localRegistry.whereis('a')).toBeUndefined();
  });
});

describe('Registry: unregister_name', () => {
  test('freeing a name when the server has stopped', async () => {
    const world = new World();
    await stopServer(await world.startWorker('a'));
    expect(world.registry.names()).toEqual([]);
    const next = await world.startWorker('a');
    expect(await call(next, { type: 'whoami' })).toBe('a');
  });

  test('freeing a name when the server has crashed', async () => {
    const world = new World();
    await world.startWorker('a');
    await world.crash('a');
    expect(world.registry.whereis('a')).toBeUndefined();
  });

  test('freeing a name at a kill, at once', async () => {
    const world = new World();
    exit(await world.startWorker('a'), 'kill');
    expect(world.registry.names()).toEqual([]);
  });

  test.each([
    ['fails', () => Promise.reject(new Error('no start')), 'start_failed'],
    ['ignores', () => 'ignore', 'start_ignored'],
  ])('freeing the name of a server whose init %s', async (_how, onInit, expected) => {
    const { registry, journal, clock } = new World();
    const input = { id: 'a', journal, onInit };
    const starting = startServer(worker, { name: 'a', registry, clock, input });
    await expect(starting).rejects.toThrow(code(expected));
    expect(registry.names()).toEqual([]);
  });

  test('freeing the name of a server that takes too long to start', async () => {
    const { registry, journal, clock } = new World();
    const input = { id: 'a', journal, onInit: () => new Promise(() => {}) };
    const options = { name: 'a', registry, clock, input, startTimeoutMs: 100 };
    const refused = expect(startServer(worker, options)).rejects.toThrow(code('start_timeout'));
    await clock.advance(100);
    await refused;
    expect(registry.names()).toEqual([]);
  });

  test('keeping a name while terminate runs', async () => {
    const world = new World();
    const { opened, open } = gate();
    const { registry, clock, journal } = world;
    const input = { id: 'a', journal, onTerminate: () => opened };
    const ref = await startServer(worker, { name: 'a', registry, clock, input });
    const stopping = stopServer(ref);
    await settle();
    await expect(world.startWorker('a')).rejects.toThrow(code('already_started'));
    open();
    await stopping;
    expect(registry.names()).toEqual([]);
  });

  test('keeping a name while its server is being restarted', async () => {
    const world = new World();
    await world.supervise([world.worker('a')], {
      restartBackoff: { initialMs: 100, jitter: 0 },
    });
    await world.crash('a');
    await expect(world.startWorker('a')).rejects.toThrow(code('already_started'));
    await world.clock.advance(100);
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
  });
});

describe('Registry: whereis_name, send', () => {
  test('finding nobody under a name that nobody has', async () => {
    const registry = new Registry();
    expect(registry.whereis('nobody')).toBeUndefined();
    const asked = call(registry.ref<Worker>('nobody'), { type: 'whoami' });
    await expect(asked).rejects.toThrow(code('noproc'));
  });

  test('dropping a cast to a name that nobody has', () => {
    const registry = new Registry();
    expect(() => cast(registry.ref<Worker>('nobody'), { type: 'crash' })).not.toThrow();
  });

  test('finding, by name, a server that is started later', async () => {
    const world = new World();
    const ref = world.ref('a');
    await expect(call(ref, { type: 'whoami' })).rejects.toThrow(code('noproc'));
    await world.startWorker('a');
    expect(await call(ref, { type: 'whoami' })).toBe('a');
  });

  test('finding, by name, who has it after the first is gone for good', async () => {
    const world = new World();
    const ref = world.ref('a');
    await stopServer(await world.startWorker('a'));
    const next = await world.startWorker('a');
    expect(await call(ref, { type: 'whoami' })).toBe('a');
    expect(ref.actor).toBe(next.actor);
  });

  test('listing names in the order in which they were taken', async () => {
    const world = new World();
    for (const name of ['c', 'a', 'b']) await world.startWorker(name);
    await stopServer(world.ref('a'));
    await world.startWorker('a');
    expect(world.registry.names()).toEqual(['c', 'b', 'a']);
  });
});
