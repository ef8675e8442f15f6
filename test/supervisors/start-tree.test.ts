import { describe, expect, test } from 'vitest';
import {
  type ChildSpec,
  call,
  exit,
  fromGenServer,
  Registry,
  ready,
  reply,
  type SlotkeeperError,
  startTree,
  stop,
} from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';

interface Part {
  input: { readonly name: string; readonly log: string[]; readonly fails?: boolean };
  state: string;
  calls: { name(): string; break(): never };
}

const part = fromGenServer<Part>({
  init: ({ name, log, fails = false }) => {
    log.push(`${name} up`);
    return fails ? stop(new Error(`${name} cannot`)) : ready(name);
  },
  handleCall: {
    name: (_request, name) => reply(name, name),
    break: (_request, name) => {
      throw new Error(`${name} broke`);
    },
  },
});

function surroundings() {
  const log: string[] = [];
  const registry = new Registry();
  const clock = new SimulatedClock();
  const child = (name: string, fails = false): ChildSpec => ({
    id: name,
    name,
    logic: part,
    input: { name, log, fails },
  });
  return { log, registry, clock, child };
}

describe('startTree', () => {
  test('starting the parts in order', async () => {
    const { log, registry, clock, child } = surroundings();
    const tree = await startTree([child('a'), child('b')], { registry, clock });
    expect(log).toEqual(['a up', 'b up']);
    await tree.stop();
  });

  test('restarting what leans on a part that crashed, and nothing before it', async () => {
    const { log, registry, clock, child } = surroundings();
    const tree = await startTree([child('a'), child('b'), child('c')], { registry, clock });
    log.length = 0;
    await call(registry.ref<Part>('b'), { type: 'break' }).catch(() => {});
    expect(await call(registry.ref<Part>('c'), { type: 'name' })).toBe('c');
    expect(log).toEqual(['b up', 'c up']);
    await tree.stop();
  });

  test('leaving nothing when a part cannot be started', async () => {
    const { registry, clock, child } = surroundings();
    const failure = startTree([child('a'), child('b', true)], { registry, clock });
    await expect(failure).rejects.toMatchObject({ code: 'start_failed' });
    expect(registry.names()).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('stopping twice as once, and telling why it ended', async () => {
    const { registry, clock, child } = surroundings();
    const tree = await startTree([child('a')], { registry, clock });
    await Promise.all([tree.stop(), tree.stop()]);
    await tree.stop();
    expect(await tree.ended).toBe('shutdown');
    expect(registry.names()).toEqual([]);
  });

  test('telling that it gave up, and why', async () => {
    const { registry, clock, child } = surroundings();
    const tree = await startTree([child('a')], { registry, clock });
    for (let crash = 0; crash < 4; crash += 1) {
      await call(registry.ref<Part>('a'), { type: 'break' }).catch(() => {});
    }
    const { shutdown } = (await tree.ended) as { shutdown: SlotkeeperError };
    expect(shutdown.code).toBe('restart_intensity_exceeded');
    expect(shutdown.message).toContain('a broke');
    await tree.stop();
  });

  test('stopping a tree that was killed meanwhile', async () => {
    const { registry, clock, child } = surroundings();
    const tree = await startTree([child('a')], { registry, clock });
    exit(tree.supervisor, 'kill');
    await tree.stop();
    expect(await tree.ended).toBe('killed');
  });
});
