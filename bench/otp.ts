/**
 * GenServer and supervisors against their floors: a bare async function, and XState's own actors.
 */
import {
  call,
  cast,
  type DynamicSupervisorTypes,
  dynamicSupervisor,
  fromGenServer,
  localRegistry,
  noReply,
  ready,
  reply,
  type ServerRef,
  startChild,
  startServer,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from 'slotkeeper';
import { createActor } from 'xstate';
import { bytesEach, type Contender, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

interface Counter {
  state: { count: number };
  calls: { add(request: { readonly by: number }): number; crash(): never };
  casts: { bump(): void };
}

const counter = fromGenServer<Counter>({
  init: () => ready({ count: 0 }),
  handleCall: {
    add: ({ by }, state) => {
      state.count += by;
      return reply(state.count, state);
    },
    crash: () => {
      throw new Error('a crash of the benchmark');
    },
  },
  handleCast: {
    bump: (_request, state) => {
      state.count += 1;
      return noReply(state);
    },
  },
});

/** The least that XState can run: plain logic, no statechart. */
const plainLogic = {
  getInitialSnapshot: () =>
    ({ status: 'active', output: undefined, error: undefined, count: 0 }) as const,
  transition: <Snapshot>(snapshot: Snapshot): Snapshot => snapshot,
  getPersistedSnapshot: <Snapshot>(snapshot: Snapshot): Snapshot => snapshot,
};

export async function benchCalls(): Promise<void> {
  const server = await startServer(counter);
  const inspected = await startServer(counter, { inspect: () => {} });
  const times = await timeEach([
    bareContender(),
    callContender('call', server, 300_000),
    callContender('call, inspected', inspected, 100_000),
    crowdContender(server),
    castContender(server),
    sendContender(),
  ]);
  await stopServer(server);
  await stopServer(inspected);
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  const bare = (what: string, name: string): Row => ({
    what,
    value: of(name),
    unit: 'µs',
    ratio: of(name) / of('bare'),
    against: 'awaited async function',
  });
  printTable('GenServer calls', [
    { what: 'awaited async function (the floor)', value: of('bare'), unit: 'µs' },
    { ...bare('call, sequential', 'call'), must: '≤ 3 ×', aim: '≤ 2 ×' },
    bare('call, sequential, with an XState inspector', 'call, inspected'),
    bare('call, 50 callers', '50 callers'),
    { what: 'XState send to plain logic', value: of('xstate send'), unit: 'µs' },
    {
      what: 'cast',
      value: of('cast'),
      unit: 'µs',
      ratio: of('cast') / of('xstate send'),
      against: 'XState send',
    },
  ]);
}

/** The work of the call, without a server. */
function bareContender(): Contender {
  const state = { count: 0 };
  const add = async (request: { readonly type: 'add'; readonly by: number }): Promise<number> => {
    state.count += request.by;
    return state.count;
  };
  return {
    name: 'bare',
    count: 300_000,
    run: async (times) => {
      for (let n = 0; n < times; n += 1) await add({ type: 'add', by: 1 });
    },
  };
}

function callContender(name: string, server: ServerRef<Counter>, count: number): Contender {
  return {
    name,
    count,
    run: async (times) => {
      for (let n = 0; n < times; n += 1) await call(server, { type: 'add', by: 1 });
    },
  };
}

function crowdContender(server: ServerRef<Counter>): Contender {
  const caller = async (times: number): Promise<void> => {
    for (let n = 0; n < times; n += 1) await call(server, { type: 'add', by: 1 });
  };
  return {
    name: '50 callers',
    count: 300_000,
    run: async (times) => {
      await Promise.all(Array.from({ length: 50 }, () => caller(times / 50)));
    },
  };
}

function castContender(server: ServerRef<Counter>): Contender {
  return {
    name: 'cast',
    count: 300_000,
    run: async (times) => {
      for (let n = 0; n < times; n += 1) {
        cast(server, { type: 'bump' });
        if (n % 1_000 === 0) await call(server, { type: 'add', by: 1 });
      }
    },
  };
}

function sendContender(): Contender {
  const actor = createActor(plainLogic).start();
  return {
    name: 'xstate send',
    count: 300_000,
    run: (times) => {
      for (let n = 0; n < times; n += 1) actor.send({ type: 'bump' });
    },
  };
}

export async function benchChildren(): Promise<void> {
  const dynamic = await startServer(dynamicSupervisor());
  const one = await startServer(
    supervisor({
      restartIntensity: { restarts: 1_000_000, withinMs: 1_000 },
      children: [{ id: 'counter', name: 'benchmark', logic: counter }],
    }),
  );
  const times = await timeEach([
    xstateChildContender(),
    startContender(dynamic),
    stopContender(dynamic),
    crashContender(localRegistry.ref<Counter>('benchmark')),
  ]);
  await stopServer(dynamic, 'shutdown');
  await stopServer(one, 'shutdown');
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  printTable('Children', [
    { what: 'XState create + start of a child (the floor)', value: of('xstate'), unit: 'µs' },
    {
      what: 'start of a child under a dynamic supervisor',
      value: of('start'),
      unit: 'µs',
      ratio: of('start') / of('xstate'),
      against: 'XState',
      must: '≤ 3 ×',
      aim: '≤ 1.5 ×',
    },
    { what: 'stop of a child', value: of('stop'), unit: 'µs' },
    {
      what: 'crash to serving again',
      value: of('crash'),
      unit: 'µs',
      must: '≤ 100 µs',
      aim: '≤ 30 µs',
    },
  ]);
}

function xstateChildContender(): Contender {
  const parent = createActor(plainLogic).start();
  const kept: unknown[] = [];
  return {
    name: 'xstate',
    count: 3_000,
    run: (count) => {
      for (let n = 0; n < count; n += 1) {
        kept.push(createActor(plainLogic, { parent, id: `child-${n}` }).start());
      }
    },
  };
}

function startContender(dynamic: ServerRef<DynamicSupervisorTypes>): Contender {
  return {
    name: 'start',
    count: 3_000,
    run: async (count) => {
      for (let n = 0; n < count; n += 1) await startChild(dynamic, { logic: counter });
    },
  };
}

function stopContender(dynamic: ServerRef<DynamicSupervisorTypes>): Contender {
  return {
    name: 'stop',
    count: 3_000,
    run: async (count) => {
      const children = (await whichChildren(dynamic)).slice(0, count);
      for (const { ref } of children) await terminateChild(dynamic, ref);
    },
  };
}

function crashContender(ref: ServerRef<Counter>): Contender {
  return {
    name: 'crash',
    count: 2_000,
    run: async (count) => {
      for (let n = 0; n < count; n += 1) {
        await call(ref, { type: 'crash' }).catch(() => {});
        await call(ref, { type: 'add', by: 1 });
      }
    },
  };
}

export async function benchServerMemory(): Promise<void> {
  const dynamic = await startServer(dynamicSupervisor());
  const plain = await bytesEach(10_000, () => createActor(plainLogic).start());
  const alone = await bytesEach(10_000, () => startServer(counter));
  const child = await bytesEach(10_000, () => startChild(dynamic, { logic: counter }));
  await stopServer(dynamic, 'shutdown');
  const row = (what: string, value: number): Row => ({
    what,
    value,
    unit: 'B',
    ratio: value / plain,
    against: 'XState',
  });
  printTable('Memory per idle actor', [
    { what: 'XState actor of plain logic, a root each (the floor)', value: plain, unit: 'B' },
    row('server of its own', alone),
    row('child of a dynamic supervisor', child),
  ]);
}
