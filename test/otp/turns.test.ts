/**
 * Turns: the loop goes on beside async and slow servers, answers go out past the hook alone, and what
 * has become void while it waited is not served. What is looked at is order and counts, never time.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  call,
  cast,
  deferReply,
  dynamicSupervisor,
  type From,
  fromGenServer,
  noReply,
  ready,
  reply,
  replyTo,
  startChild,
  startServer,
  stopServer,
  sys,
  timeoutAfter,
} from '../../src/index.ts';
import { measureShareBy } from '../../src/otp/turn-share.ts';
import { settle } from '../../src/testing.ts';
import {
  faultOf,
  gate,
  type Notes,
  notesOf,
  puppet,
  puppetClauses,
  surroundings,
  watch,
} from '../support/servers.ts';

/** Counts macrotasks until it is stopped. */
function countMacrotasks(): { count: number; stop(): void } {
  let isOver = false;
  const macrotasks = {
    count: 0,
    stop: () => {
      isOver = true;
    },
  };
  const tick = (): void => {
    macrotasks.count += 1;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  return macrotasks;
}

/** Keeps the thread for so many milliseconds of real time. */
function blockTheLoop(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

interface Reader {
  state: null;
  calls: { read(): string };
  casts: { work(): void };
}

describe('async callbacks', () => {
  test('spending the share of the loop as others do', async () => {
    const logic = fromGenServer<Reader>({
      init: () => ready(null),
      handleCall: { read: async (_request, state) => reply('through', state) },
      handleCast: { work: async (_request, state) => noReply(state) },
    });
    const ref = await startServer(logic, surroundings());
    const macrotasks = countMacrotasks();
    for (let sent = 0; sent < 20_000; sent += 1) cast(ref, { type: 'work' });
    expect(await call(ref, { type: 'read' })).toBe('through');
    macrotasks.stop();
    expect(macrotasks.count).toBeGreaterThan(5);
    await stopServer(ref);
  });
});

describe('a supervisor that is asked for 5,000 children at once', () => {
  test('letting macrotasks in between', async () => {
    const top = await startServer(dynamicSupervisor(), surroundings());
    const logic = fromGenServer({ init: () => ready(null) });
    const macrotasks = countMacrotasks();
    const starts = Array.from({ length: 5_000 }, () => startChild(top, { logic }));
    expect(await Promise.all(starts)).toHaveLength(5_000);
    macrotasks.stop();
    expect(macrotasks.count).toBeGreaterThan(2);
    await stopServer(top);
  });
});

describe('slow messages', () => {
  beforeEach(() => measureShareBy(() => performance.now()));
  afterEach(() => measureShareBy(() => 0));

  test('letting a macrotask in after each', async () => {
    const logic = fromGenServer<Reader>({
      init: () => ready(null),
      handleCall: { read: (_request, state) => reply('through', state) },
      handleCast: {
        work: (_request, state) => {
          blockTheLoop(6);
          return noReply(state);
        },
      },
    });
    const ref = await startServer(logic, surroundings());
    await settle();
    const macrotasks = countMacrotasks();
    for (let sent = 0; sent < 10; sent += 1) cast(ref, { type: 'work' });
    await call(ref, { type: 'read' });
    macrotasks.stop();
    expect(macrotasks.count).toBeGreaterThanOrEqual(8);
    await stopServer(ref);
  });
});

/** A server whose hook notes what it sees, with a call that is open; `hold` makes the hook wait. */
async function startHooked(settings: { turnStart?: 'microtask' } = {}) {
  const seen: unknown[][] = [];
  const holds: Promise<void>[] = [];
  const logic = puppet({
    ...settings,
    handleReplies: async (replies, notes) => {
      seen.push(replies.map(({ value }) => value));
      await holds.shift();
      return noReply(notes);
    },
  });
  const ref = await startServer(logic, surroundings());
  const asked = gate<From<unknown>>();
  const answer = call(ref, {
    type: 'perform',
    work: (notes: Notes, from: From<unknown>) => {
      asked.open(from);
      return deferReply(from, notes);
    },
  });
  const from = await asked.opened;
  await settle();
  seen.length = 0;
  return { ref, seen, holds, answer, from };
}

describe('handleReplies', () => {
  test('seeing at its next call what was answered while it ran', async () => {
    const { ref, seen, holds, answer, from } = await startHooked();
    const hold = gate();
    holds.push(hold.opened);
    const first = call(ref, { type: 'read' });
    await settle();
    expect(replyTo(from, 'late')).toBe(true);
    const late = watch(answer);
    await settle();
    expect([seen, late.isSettled]).toEqual([[[[]]], false]);
    hold.open();
    expect(await Promise.all([first, answer])).toEqual([[], 'late']);
    expect(seen).toEqual([[[]], ['late']]);
    await stopServer(ref);
  });

  test('seeing what was answered while its server was idle', async () => {
    const { ref, seen, answer, from } = await startHooked();
    replyTo(from, 'later');
    expect(await answer).toBe('later');
    expect(seen).toEqual([['later']]);
    await stopServer(ref);
  });

  test('seeing what was answered while only a sys request waited', async () => {
    const { ref, seen, answer, from } = await startHooked({ turnStart: 'microtask' });
    const state = sys.getState(ref);
    replyTo(from, 'later');
    expect(await Promise.all([state, answer])).toEqual([[], 'later']);
    expect(seen).toEqual([['later']]);
    await stopServer(ref);
  });

  test('seeing one answer of a call that is answered twice', async () => {
    const { ref, seen, answer, from } = await startHooked();
    expect([replyTo(from, 'first'), replyTo(from, 'second')]).toEqual([true, false]);
    expect(await answer).toBe('first');
    expect(seen).toEqual([['first']]);
    await stopServer(ref);
  });
});

describe('a call', () => {
  test('never being served when its deadline has passed while the loop was blocked', async () => {
    const served: string[] = [];
    const ref = await startServer(puppet({ turnStart: 'microtask' }));
    const work = (text: string, ms: number) => (notes: Notes) => {
      served.push(text);
      blockTheLoop(ms);
      return reply(text, notes);
    };
    const first = call(ref, { type: 'perform', work: work('first', 30) });
    const late = faultOf(call(ref, { type: 'perform', work: work('late', 0) }, { timeoutMs: 5 }));
    expect(await first).toBe('first');
    expect((await late).code).toBe('call_timeout');
    await settle();
    expect(served).toEqual(['first']);
    await stopServer(ref);
  });

  test('being rejected when its signal aborts while it is served on the stack', async () => {
    const ref = await startServer(puppet(), surroundings());
    const controller = new AbortController();
    const work = (notes: Notes, from: From<unknown>) => {
      controller.abort(new Error('no more needed'));
      return deferReply(from, notes);
    };
    const options = { signal: controller.signal, timeoutMs: Infinity };
    const answer = call(ref, { type: 'perform', work }, options);
    await expect(answer).rejects.toThrow('no more needed');
    await stopServer(ref);
  });
});

describe('timeoutAfter', () => {
  test('being taken back by a message in time, even if it waits in the mailbox already', async () => {
    const place = surroundings();
    const timeout = (_message: unknown, notes: Notes) => noReply([...notes, 'timeout']);
    const logic = puppet({
      init: () => ready([], timeoutAfter(10)),
      handleInfo: { ...puppetClauses, timeout },
    });
    const ref = await startServer(logic, place);
    await sys.suspend(ref);
    await place.clock.advance(5);
    cast(ref, { type: 'note', text: 'in time' });
    await place.clock.advance(20);
    expect(await sys.getStatus(ref)).toMatchObject({ queuedMessages: 2 });
    await sys.resume(ref);
    await settle();
    expect(notesOf(ref)).toEqual(['in time']);
    await stopServer(ref);
  });
});

describe('an inspector that throws', () => {
  test('not keeping a server from serving', async () => {
    const place = surroundings();
    const inspect = (): void => {
      throw new Error('blind');
    };
    const ref = await startServer(puppet(), { ...place, inspect });
    expect(await call(ref, { type: 'note', text: 'seen' })).toEqual(['seen']);
    expect(place.logger.lines).toContainEqual({
      level: 'warn',
      fields: { error: new Error('blind') },
      message: 'An inspector has thrown',
    });
    await stopServer(ref);
  });
});

describe('slow messages after quick ones', () => {
  beforeEach(() => measureShareBy(() => performance.now()));
  afterEach(() => measureShareBy(() => 0));

  test('being noticed after 16 at most', async () => {
    const served: number[] = [];
    const macrotasks = countMacrotasks();
    const logic = fromGenServer<Reader>({
      init: () => ready(null),
      handleCall: { read: (_request, state) => reply('through', state) },
      handleCast: {
        work: (_request, state) => {
          if (served.push(macrotasks.count) > 130) blockTheLoop(6);
          return noReply(state);
        },
      },
    });
    const ref = await startServer(logic, surroundings());
    await settle();
    for (let sent = 0; sent < 180; sent += 1) cast(ref, { type: 'work' });
    await call(ref, { type: 'read' });
    macrotasks.stop();
    const slowInOne = served.slice(130).filter((count, _index, all) => count === all[0]);
    expect(slowInOne.length).toBeLessThanOrEqual(17);
    await stopServer(ref);
  });
});
