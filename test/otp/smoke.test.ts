import { expect, test } from 'vitest';
import { call, fromGenServer, ready, reply, startServer } from '../../src/index.ts';

interface Counter {
  input: number;
  state: number;
  calls: { add(request: { readonly by: number }): number };
}

const counter = fromGenServer<Counter>({
  init: (start) => ready(start),
  handleCall: { add: ({ by }, state) => reply(state + by, state + by) },
});

test('answering a call', async () => {
  const ref = await startServer(counter, { input: 1 });
  expect(await call(ref, { type: 'add', by: 2 })).toBe(3);
});
