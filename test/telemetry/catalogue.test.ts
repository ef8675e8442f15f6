import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  catalogue,
  type EventName,
  exit,
  fromGenServer,
  info,
  limiterChannels,
  noReply,
  onEvent,
  otpChannels,
  Registry,
  ready,
  reply,
  sessionChannels,
  startConcurrencyLimiter,
  startServer,
  startSlotkeeper,
  startTree,
  stopServer,
  sys,
} from '../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../src/testing.ts';
import { RecordingJournal } from '../support/recording-journal.ts';

const allChannels = { ...otpChannels, ...limiterChannels, ...sessionChannels };

interface Shop {
  state: { readonly sold: number };
  calls: { sell(): number; burn(): never };
  casts: { stock(): void };
}

const shop = fromGenServer<Shop>({
  mailboxLimit: 1,
  init: () => ready({ sold: 0 }),
  handleCall: {
    sell: (_request, { sold }) => reply(sold + 1, { sold: sold + 1 }),
    burn: () => {
      throw new Error('fire');
    },
  },
  handleCast: { stock: (_request, state) => noReply(state) },
});

/** A life in which everything that is published happens. */
async function live(): Promise<void> {
  await liveAsAServer();
  await liveAsALimiter();
  await liveThroughTrouble();
  await liveOnDisk();
  await liveInSessions();
}

async function liveInSessions(): Promise<void> {
  const clock = new SimulatedClock();
  const keeper = await startSlotkeeper({ clock, limits: { maxParallelRuns: 1 } });
  const session = await keeper.openSession();
  const finish: (() => void)[] = [];
  const stuck = await session.run(() => new Promise<void>((end) => finish.push(end)));
  await session.run(() => 'done', { waitTimeoutMs: 1_000 });
  await settle();
  await stuck.cancel();
  for (const end of finish) end();
  await settle();
  await keeper.stop();
}

async function liveOnDisk(): Promise<void> {
  const clock = new SimulatedClock();
  const journal = new RecordingJournal();
  const limiter = await startConcurrencyLimiter({ clock, journal });
  journal.isFull = true;
  await limiter.acquireRunSlot('s', 'r').catch(() => {});
  journal.isFull = false;
  await clock.advance(100);
  const { tables } = (await sys.getState(limiter.ref)) as { tables: { waitingRuns: number } };
  tables.waitingRuns += 1;
  exit(limiter.ref, new Error('fire'));
  await limiter.acquireRunSlot('s', 'r');
  await limiter.stop();
}

async function liveAsALimiter(): Promise<void> {
  const limiter = await startConcurrencyLimiter({ clock: new SimulatedClock() });
  await limiter.setLimits({ maxParallelRuns: 1, maxParallelSessions: 1 });
  const session = await limiter.acquireSessionSlot('s');
  const run = await limiter.acquireRunSlot('s', 'r');
  await limiter.acquireSessionSlot('t').catch(() => {});
  await limiter.acquireRunSlot('s', 't').catch(() => {});
  exit(limiter.ref, new Error('fire'));
  await run.release();
  await session.release();
  await limiter.stop();
}

async function liveThroughTrouble(): Promise<void> {
  const clock = new SimulatedClock();
  const limiter = await startConcurrencyLimiter({ clock });
  await limiter.acquireRunSlot('s', 'leased', { leaseMs: 100 });
  clock.stall(5_000);
  await clock.advance(2_000);
  await limiter.drain({ timeoutMs: 0 });
  await limiter.resume();
  await limiter.stop();
}

async function liveAsAServer(): Promise<void> {
  const registry = new Registry();
  const clock = new SimulatedClock();
  const tree = await startTree([{ id: 'shop', name: 'shop', logic: shop }], { registry, clock });
  const ref = registry.ref<Shop>('shop');
  await call(ref, { type: 'sell' });
  info(ref, { type: 'rain' } as never);
  await sys.suspend(ref);
  cast(ref, { type: 'stock' });
  expect(() => cast(ref, { type: 'stock' })).toThrow('full');
  await sys.resume(ref);
  await call(ref, { type: 'burn' }).catch(() => {});
  await call(ref, { type: 'sell' });
  await tree.stop();
  cast(ref, { type: 'stock' });
  await settle();
}

describe('catalogue', () => {
  test('describing every channel, by its name', () => {
    const channels = Object.entries(allChannels).map(([name, { name: channel }]) => [
      name,
      channel,
    ]);
    const described = Object.entries(catalogue).map(([name, { channel }]) => [name, channel]);
    expect(described).toEqual(channels);
  });

  test('describing each field that an event has, and no other', async () => {
    using recorder = recordEvents();
    await live();
    for (const { type, ...fields } of recorder.events) {
      expect(Object.keys(fields).sort()).toEqual(Object.keys(catalogue[type].fields).sort());
    }
  });

  test('naming no event that never happens', async () => {
    using recorder = recordEvents();
    await live();
    const seen = new Set<EventName>(recorder.events.map(({ type }) => type));
    // A collection cannot be ordered; what it tells is tried beside the limiter's handles.
    const ordered = Object.keys(catalogue).filter((name) => name !== 'slot_lost_track');
    expect([...seen].sort()).toEqual(ordered.sort());
  });
});

describe('onEvent', () => {
  test('telling a listener until it has enough', async () => {
    const started: string[] = [];
    const stop = onEvent('server_started', ({ server }) => started.push(server));
    const registry = new Registry();
    const first = await startServer(shop, { name: 'first', registry });
    stop();
    const second = await startServer(shop, { name: 'second', registry });
    expect(started).toEqual(['first']);
    await Promise.all([stopServer(first), stopServer(second)]);
  });

  test('leaving nobody on any channel after a recording', () => {
    recordEvents().stop();
    const watched = Object.values(allChannels).filter(({ hasSubscribers }) => hasSubscribers);
    expect(watched).toEqual([]);
  });
});
