/**
 * GenServer and supervisors against their floors: a bare async function, and XState's own actors.
 */
import {
  call,
  cast,
  dynamicSupervisor,
  fromGenServer,
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
import { bytesEach, timeEach } from './harness.ts';
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

export async function benchOtp(): Promise<void> {
  await benchCalls();
  await benchChildren();
  await benchMemory();
}

async function benchCalls(): Promise<void> {
  const server = await startServer(counter);
  const inspected = await startServer(counter, { inspect: () => {} });
  const actor = createActor(plainLogic).start();
  const state = { count: 0 };
  const add = { type: 'add', by: 1 } as const;
  const bare = async (request: { readonly type: 'add'; readonly by: number }): Promise<number> => {
    state.count += request.by;
    return state.count;
  };
  const times = await timeEach([
    {
      name: 'bare',
      count: 300_000,
      run: async (times) => {
        for (let n = 0; n < times; n += 1) await bare({ type: 'add', by: 1 });
      },
    },
    {
      name: 'call',
      count: 300_000,
      run: async (times) => {
        for (let n = 0; n < times; n += 1) await call(server, { type: 'add', by: 1 });
      },
    },
    {
      name: 'call, inspected',
      count: 100_000,
      run: async (times) => {
        for (let n = 0; n < times; n += 1) await call(inspected, { type: 'add', by: 1 });
      },
    },
    {
      name: '50 callers',
      count: 300_000,
      run: async (times) => {
        const each = times / 50;
        await Promise.all(
          Array.from({ length: 50 }, async () => {
            for (let n = 0; n < each; n += 1) await call(server, add);
          }),
        );
      },
    },
    {
      name: 'cast',
      count: 300_000,
      run: async (times) => {
        for (let n = 0; n < times; n += 1) {
          cast(server, { type: 'bump' });
          if (n % 1_000 === 0) await call(server, add);
        }
      },
    },
    {
      name: 'xstate send',
      count: 300_000,
      run: (times) => {
        for (let n = 0; n < times; n += 1) actor.send({ type: 'bump' });
      },
    },
  ]);
  await stopServer(server);
  await stopServer(inspected);
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  const bareTime = of('bare');
  const row = (what: string, name: string, against = 'bare'): Row => ({
    what,
    value: of(name),
    unit: 'µs',
    ratio: of(name) / of(against),
    against: against === 'bare' ? 'awaited async function' : against,
  });
  printTable('GenServer calls', [
    { what: 'awaited async function (the floor)', value: bareTime, unit: 'µs' },
    { ...row('call, sequential', 'call'), must: '≤ 3 ×', aim: '≤ 2 ×' },
    row('call, sequential, with an XState inspector', 'call, inspected'),
    row('call, 50 callers', '50 callers'),
    { what: 'XState send to plain logic', value: of('xstate send'), unit: 'µs' },
    row('cast', 'cast', 'xstate send'),
  ]);
}

async function benchChildren(): Promise<void> {
  const dynamic = await startServer(dynamicSupervisor());
  const one = await startServer(
    supervisor({
      restartIntensity: { restarts: 1_000_000, withinMs: 1_000 },
      children: [{ id: 'counter', logic: counter }],
    }),
  );
  const parent = createActor(plainLogic).start();
  const kept: unknown[] = [];
  const [child] = await whichChildren(one);
  if (!child) throw new Error('the supervisor has no child');
  const ref = child.ref as ServerRef<Counter>;
  const times = await timeEach([
    {
      name: 'xstate create + start',
      count: 3_000,
      run: (count) => {
        for (let n = 0; n < count; n += 1) {
          kept.push(createActor(plainLogic, { parent, id: `child-${n}` }).start());
        }
      },
    },
    {
      name: 'start child',
      count: 3_000,
      run: async (count) => {
        for (let n = 0; n < count; n += 1) await startChild(dynamic, { logic: counter });
      },
    },
    {
      name: 'stop child',
      count: 3_000,
      run: async (count) => {
        const children = (await whichChildren(dynamic)).slice(0, count);
        for (const { ref: each } of children) await terminateChild(dynamic, each);
      },
    },
    {
      name: 'crash to serving again',
      count: 2_000,
      run: async (count) => {
        for (let n = 0; n < count; n += 1) {
          await call(ref, { type: 'crash' }).catch(() => {});
          await call(ref, { type: 'add', by: 1 });
        }
      },
    },
  ]);
  await stopServer(dynamic, 'shutdown');
  await stopServer(one, 'shutdown');
  const of = (name: string): number => times.get(name) ?? Number.NaN;
  printTable('Children', [
    {
      what: 'XState create + start of a child (the floor)',
      value: of('xstate create + start'),
      unit: 'µs',
    },
    {
      what: 'start of a child under a dynamic supervisor',
      value: of('start child'),
      unit: 'µs',
      ratio: of('start child') / of('xstate create + start'),
      against: 'XState',
      must: '≤ 3 ×',
      aim: '≤ 1.5 ×',
    },
    { what: 'stop of a child', value: of('stop child'), unit: 'µs' },
    {
      what: 'crash to serving again',
      value: of('crash to serving again'),
      unit: 'µs',
      must: '≤ 100 µs',
      aim: '≤ 30 µs',
    },
  ]);
}

async function benchMemory(): Promise<void> {
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
