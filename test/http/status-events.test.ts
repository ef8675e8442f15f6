/**
 * Who looks at the status as it changes: what is kept for him, and what becomes of him who does not read.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { statusEvents } from '../../src/http/status-events.ts';
import { type Limiter, start } from '../support/callers.ts';

/** Above what is kept for a viewer, and a status. */
const MOST_BYTES = 17 * 1024;

async function changeStatus(limiter: Limiter, times: number): Promise<void> {
  for (let at = 0; at < times; at += 2) {
    await limiter.acquireRunSlot('s', 'r');
    await limiter.releaseRunSlot('r');
  }
}

/** Whether events are kept for anybody. */
function isRead(limiter: Limiter): boolean {
  const { streams } = Reflect.get(limiter, 'survivors') as { streams: { areRead: boolean } }; // its own
  return streams.areRead;
}

/** One who looks on, and has not read yet what is there at once. */
async function view(limiter: Limiter, patienceMs?: number) {
  let goAway = () => {};
  const client = {
    onGone: (leave: () => void) => {
      goAway = leave;
    },
  };
  const status = () => JSON.stringify(limiter.getStatus());
  const viewer = statusEvents(limiter, status, client, patienceMs);
  await once(viewer, 'readable');
  return { goAway, viewer };
}

function versionsIn(text: string): number[] {
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, json]) => JSON.parse(json ?? '').version);
}

describe('a viewer of the status', () => {
  test('who leaves being forgotten, however much changes after him', async () => {
    await using limiter = await start();
    const { goAway, viewer } = await view(limiter);
    expect(isRead(limiter)).toBe(true);
    goAway();
    await once(viewer, 'close');
    await changeStatus(limiter, 10_000);
    expect([isRead(limiter), viewer.destroyed]).toEqual([false, true]);
  });

  test('who is slow being kept little for, and getting the newest', async () => {
    await using limiter = await start();
    const { viewer } = await view(limiter);
    await changeStatus(limiter, 10_000);
    expect(viewer.readableLength).toBeLessThan(MOST_BYTES);
    let text = '';
    for await (const chunk of viewer) {
      text += chunk;
      if (versionsIn(text).at(-1) === limiter.getStatus().version) break;
    }
    expect(versionsIn(text).length).toBeLessThan(1_000);
  });

  test('who takes nothing being disconnected, and waited for by nobody', async () => {
    await using limiter = await start();
    const { viewer } = await view(limiter, 1);
    const closed = once(viewer, 'close');
    await changeStatus(limiter, 10_000);
    await closed;
    expect(isRead(limiter)).toBe(false);
  });

  test('being told of the end of the limiter by the end of the events', async () => {
    const limiter = await start();
    const { viewer } = await view(limiter);
    await limiter.stop();
    const chunks = await viewer.toArray();
    expect(versionsIn(chunks.join('')).length).toBeGreaterThan(0);
  });
});
