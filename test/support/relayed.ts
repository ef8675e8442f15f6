/**
 * A remote limiter in this thread, behind a relay that counts the messages each way, and may hold back
 * those that come from the limiter.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { connectLimiter } from '../../src/index.ts';
import type { Limiter } from './callers.ts';

export function relayed(limiter: Limiter) {
  const inner: MessagePort = limiter.openPort();
  const { port1: outer, port2 } = new MessageChannel();
  const messages = { asked: 0, answered: 0 };
  const held: unknown[] = [];
  let isHeld = false;
  outer.on('message', (message) => {
    messages.asked += 1;
    inner.postMessage(message);
  });
  inner.on('message', (message) => {
    messages.answered += 1;
    if (isHeld) held.push(message);
    else outer.postMessage(message);
  });
  outer.on('close', () => inner.close());
  inner.on('close', () => outer.close());
  const remote = connectLimiter(port2);
  return {
    remote,
    messages,
    /** Nothing that the limiter tells arrives until `letThrough`. */
    holdBack: (): void => {
      isHeld = true;
    },
    letThrough: (): void => {
      isHeld = false;
      for (const message of held.splice(0)) outer.postMessage(message);
    },
    /** Resolves when all that was asked by now is decided, and has been answered. */
    roundTrip: async (): Promise<void> => {
      await remote.releaseRunSlot('nobody');
    },
    [Symbol.dispose]: (): void => outer.close(),
  };
}
