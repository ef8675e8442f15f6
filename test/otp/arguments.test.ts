/**
 * Arguments that are not what they can be: refused with a code, and harmless to whoever gets them.
 */
import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import {
  call,
  cast,
  exit,
  reply,
  startChild,
  startServer,
  stop,
  stopServer,
  terminateChild,
} from '../../src/index.ts';
import { settle } from '../../src/testing.ts';
import { endOf, faultOf, puppet, surroundings } from '../support/servers.ts';
import { World } from '../support/trees.ts';

/** A supervisor over two workers, a and b. */
async function startPair() {
  const world = new World();
  const top = await world.supervise([world.worker('a'), world.worker('b')]);
  return { world, top };
}

describe('terminateChild', () => {
  test('taking the actor of a child for the child', async () => {
    const { world, top } = await startPair();
    const { actor } = world.ref('a');
    if (!actor) throw new Error('The child is not there');
    await terminateChild(top, actor);
    expect(world.news()).toEqual(['a terminated shutdown']);
    await stopServer(top);
  });

  test('refusing nothing as a child, harmless to the children', async () => {
    const { world, top } = await startPair();
    const fault = await faultOf(terminateChild(top, undefined as never));
    expect(fault.code).toBe('not_found');
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
    expect(world.news()).toEqual([]);
    await stopServer(top);
  });
});

describe('startChild', () => {
  test('refusing nothing as a spec, harmless to the children', async () => {
    const { world, top } = await startPair();
    const fault = await faultOf(startChild(top, undefined as never));
    expect(fault.code).toBe('invalid_option');
    expect(await call(world.ref('b'), { type: 'whoami' })).toBe('b');
    expect(world.news()).toEqual([]);
    await stopServer(top);
  });
});

describe('a reason that is none', () => {
  const refusal = expect.objectContaining({ code: 'invalid_option' });

  test.each(['boom', undefined, null, 'kill'])('being refused by stop: %s', (reason) => {
    expect(() => stop(reason as never)).toThrow(refusal);
  });

  test('making a crash of the callback that stops with it', async () => {
    const ref = await startServer(puppet(), surroundings());
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: (notes) => stop('boom' as never, notes) });
    expect(await end).toEqual(refusal);
  });

  test('being refused by exit, harmless to the server', async () => {
    const ref = await startServer(puppet(), surroundings());
    expect(() => exit(ref, 'boom' as never)).toThrow(refusal);
    await settle();
    expect(await call(ref, { type: 'read' })).toEqual([]);
    await stopServer(ref);
  });

  test('being refused by stopServer, harmless to the server', async () => {
    const ref = await startServer(puppet(), surroundings());
    expect((await faultOf(stopServer(ref, 'boom' as never))).code).toBe('invalid_option');
    expect(await call(ref, { type: 'read' })).toEqual([]);
    await stopServer(ref);
  });
});

describe('startServer', () => {
  test.each([
    ['a machine', createMachine({})],
    ['nothing', undefined],
  ])('refusing %s, and leaving the name free', async (_what, logic) => {
    const place = surroundings();
    const fault = await faultOf(startServer(logic as never, { ...place, name: 'x' } as never));
    expect(fault.code).toBe('invalid_option');
    expect(place.registry.names()).toEqual([]);
    await stopServer(await startServer(puppet(), { ...place, name: 'x' }));
  });
});

describe('a call to nothing', () => {
  test('being rejected with noproc, not throwing', async () => {
    const answer = call(undefined as never, { type: 'x' } as never);
    expect((await faultOf(answer)).code).toBe('noproc');
  });
});

describe('stopServer of itself', () => {
  test('being rejected with calling_self, so that the callback goes on', async () => {
    const ref = await startServer(puppet(), surroundings());
    const answer = call(ref, {
      type: 'perform',
      work: async (notes, _from, { self }) => reply((await faultOf(stopServer(self))).code, notes),
    });
    expect(await answer).toBe('calling_self');
    expect(await call(ref, { type: 'read' })).toEqual([]);
    await stopServer(ref);
  });
});
