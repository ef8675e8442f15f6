/**
 * Fairness: however busy servers are, the event loop goes on, and so do the other servers. What is
 * looked at is order, never time.
 */
import { describe, expect, test } from 'vitest';
import {
  call,
  cast,
  fromGenServer,
  noReply,
  ready,
  reply,
  type ServerRef,
  startServer,
  stopServer,
} from '../../src/index.ts';

interface Counter {
  input: { readonly onServed: (served: number) => void };
  state: { served: number; readonly onServed: (served: number) => void };
  calls: { count(): number };
  casts: { work(): void };
}

const counter = fromGenServer<Counter>({
  mailboxLimit: Infinity,
  init: ({ onServed }) => ready({ served: 0, onServed }),
  handleCall: { count: (_request, state) => reply(state.served, state) },
  handleCast: {
    work: (_request, state) => {
      state.served += 1;
      state.onServed(state.served);
      return noReply(state);
    },
  },
});

function flood(ref: ServerRef<Counter>, messages: number): void {
  for (let sent = 0; sent < messages; sent += 1) cast(ref, { type: 'work' });
}

/** Starts a server; `isThrough` resolves once it has served so many messages. */
async function startCounter(messages: number) {
  const progress = { served: 0 };
  let through = (): void => {};
  const isThrough = new Promise<void>((resolve) => {
    through = resolve;
  });
  const onServed = (served: number): void => {
    progress.served = served;
    if (served === messages) through();
  };
  const ref = await startServer(counter, { input: { onServed } });
  return { ref, progress, isThrough };
}

/** Counts macrotasks until it is stopped. */
function countMacrotasks(): { count: number; stop(): void } {
  const macrotasks = { count: 0, isOver: false, stop: () => {} };
  macrotasks.stop = () => {
    macrotasks.isOver = true;
  };
  const tick = (): void => {
    macrotasks.count += 1;
    if (!macrotasks.isOver) setImmediate(tick);
  };
  setImmediate(tick);
  return macrotasks;
}

const macrotask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a flooded server', () => {
  test('letting a timer fire before it is through', async () => {
    const messages = 1_000_000;
    const { ref, progress, isThrough } = await startCounter(messages);
    const servedAtTimer = new Promise<number>((resolve) => {
      setTimeout(() => resolve(progress.served), 10);
    });
    flood(ref, messages);
    const macrotasks = countMacrotasks();
    expect(await servedAtTimer).toBeLessThan(messages);
    await isThrough;
    macrotasks.stop();
    expect(macrotasks.count).toBeGreaterThan(100);
    await stopServer(ref);
  });

  test('serving no more than its share in one macrotask', async () => {
    const messages = 20_000;
    const { ref, progress, isThrough } = await startCounter(messages);
    await macrotask();
    flood(ref, messages);
    const shares: number[] = [progress.served];
    while (progress.served < messages) {
      const before = progress.served;
      await macrotask();
      shares.push(progress.served - before);
    }
    await isThrough;
    expect(Math.max(...shares)).toBeLessThanOrEqual(2 * 1_024);
    await stopServer(ref);
  });

  test('sharing the loop with another', async () => {
    const messages = 60_000;
    const one = await startCounter(messages);
    const other = await startCounter(messages);
    const slowerAtEnd = Promise.race([
      one.isThrough.then(() => other.progress.served),
      other.isThrough.then(() => one.progress.served),
    ]);
    flood(one.ref, messages);
    flood(other.ref, messages);
    expect(await slowerAtEnd).toBeGreaterThan(messages / 3);
    await Promise.all([one.isThrough, other.isThrough]);
    await Promise.all([stopServer(one.ref), stopServer(other.ref)]);
  });

  test('serving in order what it put off', async () => {
    interface Line {
      state: number[];
      calls: { read(): number[] };
      casts: { stand(request: { readonly number: number }): void };
    }
    const line = fromGenServer<Line>({
      init: () => ready([]),
      handleCall: { read: (_request, state) => reply(state, state) },
      handleCast: {
        stand: ({ number }, state) => {
          state.push(number);
          return noReply(state);
        },
      },
    });
    const ref = await startServer(line);
    const numbers = Array.from({ length: 5_000 }, (_, number) => number);
    for (const number of numbers) cast(ref, { type: 'stand', number });
    expect(await call(ref, { type: 'read' })).toEqual(numbers);
    await stopServer(ref);
  });
});

describe('a server that casts to itself for ever', () => {
  test('not starving setImmediate, nor a server beside it', async () => {
    interface Restless {
      state: { turns: number };
      casts: { again(): void };
    }
    const restless = fromGenServer<Restless>({
      init: () => ready({ turns: 0 }),
      handleCast: {
        again: (request, state, { self }) => {
          state.turns += 1;
          cast(self, request);
          return noReply(state);
        },
      },
    });
    const ref = await startServer(restless);
    const beside = await startCounter(1);
    cast(ref, { type: 'again' });
    for (let rounds = 0; rounds < 20; rounds += 1) await macrotask();
    expect(await call(beside.ref, { type: 'count' })).toBe(0);
    await stopServer(ref);
    await stopServer(beside.ref);
  });
});

describe('a ring of servers', () => {
  test('passing a token through 10,000 of them without overflowing the stack', async () => {
    interface Member {
      input: { readonly pass: (hops: number) => void };
      state: { readonly pass: (hops: number) => void };
      casts: { token(request: { readonly hops: number }): void };
    }
    const member = fromGenServer<Member>({
      init: (input) => ready(input),
      handleCast: {
        token: ({ hops }, state) => {
          state.pass(hops);
          return noReply(state);
        },
      },
    });
    const size = 10_000;
    const rounds = 3;
    const ring: ServerRef<Member>[] = [];
    let finish = (_hops: number): void => {};
    const hops = new Promise<number>((resolve) => {
      finish = resolve;
    });
    for (let index = 0; index < size; index += 1) {
      const pass = (done: number): void => {
        const next = ring[(index + 1) % size];
        if (done === size * rounds || !next) finish(done);
        else cast(next, { type: 'token', hops: done + 1 });
      };
      ring.push(await startServer(member, { input: { pass } }));
    }
    const [first] = ring;
    if (first) cast(first, { type: 'token', hops: 0 });
    expect(await hops).toBe(size * rounds);
    await Promise.all(ring.map((ref) => stopServer(ref)));
  });
});

describe('sequential calls', () => {
  test('being answered when the share is used up', async () => {
    const { ref } = await startCounter(Infinity);
    flood(ref, 1_200);
    const counts: number[] = [];
    for (let calls = 0; calls < 500; calls += 1) counts.push(await call(ref, { type: 'count' }));
    expect(counts).toEqual(Array.from({ length: 500 }, () => 1_200));
    await stopServer(ref);
  });

  test('letting macrotasks in between, however many they are', async () => {
    const { ref } = await startCounter(Infinity);
    const macrotasks = countMacrotasks();
    for (let calls = 0; calls < 10_000; calls += 1) await call(ref, { type: 'count' });
    macrotasks.stop();
    expect(macrotasks.count).toBeGreaterThan(5);
    await stopServer(ref);
  });
});
