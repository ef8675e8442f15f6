import { describe, expect, test } from 'vitest';
import {
  call,
  type ExitReason,
  exit,
  fromGenServer,
  link,
  noReply,
  ready,
  reply,
  type ServerRef,
  startServer,
  stopServer,
  unlink,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, World } from '../../support/trees.ts';

interface Trapper {
  state: { readonly from: string; readonly reason: ExitReason }[];
  calls: { seen(): { readonly from: string; readonly reason: ExitReason }[] };
}

/** A server that traps exits and keeps them. */
const trapper = fromGenServer<Trapper>({
  trapExit: true,
  init: () => ready([]),
  handleCall: { seen: (_request, state) => reply(state, state) },
  handleInfo: { exit: ({ from, reason }, state) => noReply([...state, { from, reason }]) },
});

const startTrapper = ({ clock, registry }: World): Promise<ServerRef<Trapper>> =>
  startServer(trapper, { name: 'trapper', clock, registry });

async function startTwo() {
  const world = new World();
  const [a, b] = [await world.startWorker('a'), await world.startWorker('b')];
  return { world, a, b };
}

describe('link: exit signals', () => {
  test('ending the other with the same reason, after its terminate', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    const end = endOf(b);
    await world.crash('a');
    expect(await end).toMatchObject({ message: 'crash' });
    expect(world.news()).toEqual(['a terminated crash', 'b terminated crash']);
    expect(world.registry.names()).toEqual([]);
  });

  test('working in both directions', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    await world.crash('b');
    expect(world.news()).toEqual(['b terminated crash', 'a terminated crash']);
  });

  test.each(['shutdown', { shutdown: 'enough' }] as const)(
    'ending the other with %o too',
    async (reason) => {
      const { world, a, b } = await startTwo();
      link(a, b);
      const end = endOf(b);
      await world.finish('a', reason);
      expect(await end).toEqual(reason);
    },
  );

  test('not ending the other with normal', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    await stopServer(a, 'normal');
    await settle();
    expect(world.news()).toEqual(['a terminated normal']);
    expect(await call(b, { type: 'whoami' })).toBe('b');
  });

  test('ending the other with killed after a kill, which it may clean up after', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    const end = endOf(b);
    exit(a, 'kill');
    expect(await end).toBe('killed');
    expect(world.news()).toEqual(['b terminated killed']);
  });

  test('reaching all that are linked in a chain, and nobody else', async () => {
    const { world, a, b } = await startTwo();
    const [c, d] = [await world.startWorker('c'), await world.startWorker('d')];
    link(a, b);
    link(b, c);
    await world.crash('a');
    expect(world.news()).toEqual([
      'a terminated crash',
      'b terminated crash',
      'c terminated crash',
    ]);
    expect(c.actor).toBeUndefined();
    expect(await call(d, { type: 'whoami' })).toBe('d');
  });

  test('ending a ring of links once each', async () => {
    const { world, a, b } = await startTwo();
    const c = await world.startWorker('c');
    link(a, b);
    link(b, c);
    link(c, a);
    await world.crash('a');
    expect(world.news().sort()).toEqual(['a', 'b', 'c'].map((id) => `${id} terminated crash`));
  });
});

describe('link: trapping exits', () => {
  test.each(['normal', 'shutdown', new Error('failure')] as const)(
    'telling who traps exits of an end with %s instead of ending it',
    async (reason) => {
      const world = new World();
      const [a, b] = [await world.startWorker('a'), await startTrapper(world)];
      link(a, b);
      await world.finish('a', reason);
      expect(await call(b, { type: 'seen' })).toEqual([{ from: 'a', reason }]);
    },
  );

  test('telling who traps exits of a kill as killed', async () => {
    const world = new World();
    const [a, b] = [await world.startWorker('a'), await startTrapper(world)];
    link(a, b);
    exit(a, 'kill');
    expect(await call(b, { type: 'seen' })).toEqual([{ from: 'a', reason: 'killed' }]);
  });

  test('telling once of one link that was made twice', async () => {
    const world = new World();
    const [a, b] = [await world.startWorker('a'), await startTrapper(world)];
    link(a, b);
    link(b, a);
    await stopServer(a);
    expect(await call(b, { type: 'seen' })).toHaveLength(1);
  });

  test('ending who does not trap exits when the trapper crashes', async () => {
    const world = new World();
    const [a, b] = [await world.startWorker('a'), await startTrapper(world)];
    link(a, b);
    const end = endOf(a);
    exit(b, 'kill');
    expect(await end).toBe('killed');
  });

  test('trapping a signal that is sent by hand, kill excepted', async () => {
    const world = new World();
    const b = await startTrapper(world);
    exit(b, 'shutdown');
    expect(await call(b, { type: 'seen' })).toMatchObject([{ reason: 'shutdown' }]);
    const end = endOf(b);
    exit(b, 'kill');
    expect(await end).toBe('killed');
  });
});

describe('link: making and taking away', () => {
  test('sending no signal after unlink, in either direction', async () => {
    const { world, a, b } = await startTwo();
    const [c, d] = [await world.startWorker('c'), await world.startWorker('d')];
    link(a, b);
    link(c, d);
    unlink(a, b);
    unlink(d, c);
    await world.crash('a', 'd');
    expect(world.news().sort()).toEqual(['a terminated crash', 'd terminated crash']);
    expect(world.registry.names()).toEqual(['b', 'c']);
  });

  test('taking away in one go a link that was made twice', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    link(a, b);
    unlink(a, b);
    await world.crash('a');
    expect(world.registry.names()).toEqual(['b']);
  });

  test('linking again after unlink', async () => {
    const { world, a, b } = await startTwo();
    link(a, b);
    unlink(a, b);
    link(a, b);
    await world.crash('a');
    expect(world.registry.names()).toEqual([]);
  });

  test('being no link with itself', async () => {
    const { world, a } = await startTwo();
    link(a, a);
    await stopServer(a, 'shutdown');
    expect(world.news()).toEqual(['a terminated shutdown']);
  });

  test('refusing to link with who is gone', async () => {
    const { world, a, b } = await startTwo();
    await stopServer(b);
    expect(() => link(a, b)).toThrow(expect.objectContaining({ code: 'noproc' }));
    expect(() => link(b, a)).toThrow(expect.objectContaining({ code: 'noproc' }));
    await world.crash('a');
    expect(world.news()).toEqual(['b terminated normal', 'a terminated crash']);
  });

  test('unlinking from who is gone as a no-op', async () => {
    const { a, b } = await startTwo();
    link(a, b);
    await stopServer(a, 'normal');
    expect(() => unlink(a, b)).not.toThrow();
    expect(() => unlink(b, a)).not.toThrow();
    expect(b.actor).toBeDefined();
  });
});

describe('link: under a supervisor', () => {
  test('restarting both, whose supervisor sees two crashes, and nobody else', async () => {
    const world = new World();
    await world.supervise(['a', 'b', 'c'].map((id) => world.worker(id)));
    link(world.ref('a'), world.ref('b'));
    await world.crash('a');
    expect(world.news().sort()).toEqual([
      'a started',
      'a terminated crash',
      'b started',
      'b terminated crash',
    ]);
  });

  test('being gone with the first of the two incarnations', async () => {
    const world = new World();
    await world.supervise(['a', 'b'].map((id) => world.worker(id)));
    link(world.ref('a'), world.ref('b'));
    await world.crash('a');
    world.news();
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
  });
});
