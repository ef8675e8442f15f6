import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  catalogue,
  type EventName,
  fromGenServer,
  info,
  noReply,
  onEvent,
  otpChannels,
  Registry,
  ready,
  reply,
  startServer,
  startTree,
  stopServer,
  sys,
} from '../../src/index.ts';
import { recordEvents, SimulatedClock, settle } from '../../src/testing.ts';

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
    const channels = Object.entries(otpChannels).map(([name, { name: channel }]) => [
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
    expect([...seen].sort()).toEqual(Object.keys(catalogue).sort());
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
    const watched = Object.values(otpChannels).filter(({ hasSubscribers }) => hasSubscribers);
    expect(watched).toEqual([]);
  });
});
