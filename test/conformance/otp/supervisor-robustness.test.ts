import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  call,
  continueWith,
  countChildren,
  exit,
  fromGenServer,
  info,
  link,
  noReply,
  ready,
  type ServerRef,
  startChild,
  stop,
  stopServer,
  supervisor,
  whichChildren,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, failingAt, gate, NOTHING, statuses, World } from '../../support/trees.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

interface Eager {
  input: { readonly journal: string[]; readonly crashes: number[] };
  state: Eager['input'];
  continues: { work(): void };
}

/** Crashes in its first work after `init`, for as often as `crashes` has a number left. */
const eager = fromGenServer<Eager>({
  init: (input) => {
    input.journal.push('eager started');
    return ready(input, continueWith({ type: 'work' }));
  },
  handleContinue: {
    work: (_continuation, state) => {
      if (state.crashes.pop() !== undefined) throw new Error('crash');
      return noReply(state);
    },
  },
});

describe('supervisor: ends at the edge of a start', () => {
  test('having started, and restarting a child that crashes right after init', async () => {
    const world = new World();
    const input = { journal: world.journal, crashes: [1, 2] };
    const top = await world.start(
      supervisor({ children: [{ id: 'eager', logic: eager, input }, world.worker('b')] }),
    );
    await settle();
    const news = world.news();
    expect(news.filter((line) => line === 'eager started')).toHaveLength(3);
    expect(news.filter((line) => line === 'b started')).toHaveLength(1);
    expect(statuses(await whichChildren(top))).toEqual(['eager running', 'b running']);
  });

  test('giving up on a child that crashes right after each init', async () => {
    const world = new World();
    const input = { journal: world.journal, crashes: Array(10).fill(1) };
    const starting = world
      .start(supervisor({ children: [world.worker('a'), { id: 'eager', logic: eager, input }] }))
      .catch(() => {});
    await settle();
    await starting;
    const news = world.news();
    expect(news.filter((line) => line === 'eager started')).toHaveLength(4);
    expect(news.at(-1)).toBe('a terminated shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('failing to start with a child whose init stops with a reason', async () => {
    const world = new World();
    const declining = fromGenServer<{ state: undefined }>({ init: () => stop({ shutdown: 'no' }) });
    const children = [world.worker('a'), { id: 'b', logic: declining }];
    const starting = world.start(supervisor({ children }));
    await expect(starting).rejects.toMatchObject({
      cause: { shutdown: { code: 'start_failed', cause: { shutdown: 'no' } } },
    });
    expect(world.news()).toEqual(['a started', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('taking what ended during a group start that failed for one restart', async () => {
    const world = new World();
    const { opened, open } = gate();
    const attempts = failingAt(2);
    const top = await world.supervise([world.worker('a', attempts), world.worker('b')], {
      strategy: 'one_for_all',
      restartIntensity: { restarts: 2, withinMs: 5_000 },
    });
    const begun = gate();
    const onInit = () => {
      begun.open();
      return opened;
    };
    const adding = startChild(top, world.worker('c', { onInit }));
    await begun.opened;
    for (const id of ['a', 'b']) exit(world.ref(id), 'kill');
    open();
    await adding;
    await settle();
    const restarted = ['a started', 'b started', 'c started'];
    expect(world.news()).toEqual(['c started', 'c terminated shutdown', ...restarted]);
    expect(await countChildren(top)).toMatchObject({ active: 3 });
  });

  test('adding many children at once, in the order in which they were asked for', async () => {
    const world = new World();
    const top = await world.supervise([]);
    const ids = Array.from({ length: 50 }, (_, index) => `worker ${index}`);
    await Promise.all(ids.map((id) => startChild(top, world.worker(id))));
    expect(world.news()).toEqual(ids.map((id) => `${id} started`));
    await stopServer(top);
    expect(world.news()).toEqual(ids.reverse().map((id) => `${id} terminated shutdown`));
    expect(world.left()).toEqual(NOTHING);
  });

  test('refusing a child that was asked for when the supervisor ends first', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([world.worker('a', { onTerminate: () => opened })]);
    const stopping = stopServer(top, 'shutdown');
    const adding = startChild(top, world.worker('b')).catch((error: unknown) => error);
    open();
    await stopping;
    expect(['noproc', 'server_down']).toContain(((await adding) as { code: string }).code);
    expect(world.news()).toEqual(['a stopping', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('adding nothing when the supervisor is killed while the child starts', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([world.worker('a')]);
    const adding = startChild(top, world.worker('b', { onInit: () => opened }));
    const refused = expect(adding).rejects.toThrow(code('server_down'));
    await settle();
    exit(top, 'kill');
    await refused;
    open();
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: what is none of its business', () => {
  test('rejecting a call it does not know, dropping other messages, and going on', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const stranger = top as unknown as ServerRef<{
      state: unknown;
      calls: { dance(): void };
    }>;
    await expect(call(stranger, { type: 'dance' })).rejects.toThrow(code('unexpected_request'));
    info(top, { type: 'anything' } as never);
    await settle();
    expect(world.news()).toEqual([]);
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('restarting a permanent child that somebody else told to shut down', async () => {
    const world = new World();
    await world.supervise([world.worker('a'), world.worker('b')]);
    exit(world.ref('a'), 'shutdown');
    await settle();
    expect(world.news()).toEqual(['a terminated shutdown', 'a started']);
  });

  test('not noticing a child of another supervisor that crashes', async () => {
    const [one, other] = [new World(), new World()];
    const top = await one.supervise([one.worker('a')]);
    await other.supervise([other.worker('a')]);
    await other.crash('a');
    expect(one.news()).toEqual([]);
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });

  test('surviving the crash of a server that is linked to a child', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    await world.startWorker('stranger');
    link(world.ref('a'), world.ref('stranger'));
    await world.crash('stranger');
    expect(world.news()).toEqual(['stranger terminated crash', 'a terminated crash', 'a started']);
    expect(statuses(await whichChildren(top))).toEqual(['a running', 'b running']);
  });
});

describe('supervisor: the console', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const written = ['log', 'warn', 'error'] as const;
  const spyOnConsole = () =>
    written.map((name) => vi.spyOn(console, name).mockImplementation(() => {}));

  test('staying silent when a supervisor is killed while it starts a child again', async () => {
    const spies = spyOnConsole();
    const world = new World();
    const { opened, open } = gate();
    let starts = 0;
    const onInit = () => (++starts === 2 ? opened : undefined);
    const top = await world.supervise([world.worker('a', { onInit })]);
    await world.crash('a');
    exit(top, 'kill');
    open();
    await settle();
    expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });

  test.each(['shutdown', 'kill'] as const)('staying silent when a tree ends by %s', async (how) => {
    const spies = spyOnConsole();
    const world = new World();
    const inner = supervisor({ children: [world.worker('b')] });
    const top = await world.supervise([world.worker('a'), { id: 'inner', logic: inner }]);
    const end = endOf(top);
    if (how === 'kill') exit(top, how);
    else stopServer(top, how).catch(() => {});
    await end;
    await settle();
    expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });
});
