/**
 * What the contract promises of servers beyond the manual: bounded mailboxes with lanes, requests that
 * cannot be cancelled, async callbacks, the hook `handleReplies`, and when a turn starts.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  exit,
  info,
  monitor,
  noReply,
  otpChannels,
  rejectWith,
  reply,
  type ServerRef,
  SlotkeeperError,
  startServer,
  stop,
  stopServer,
  sys,
  type TurnReply,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  endOf,
  faultOf,
  gate,
  type Notes,
  type Puppet,
  puppet,
  puppetClauses,
  surroundings,
  watch,
} from '../../support/servers.ts';
import { thenable } from '../../support/thenable.ts';

const isFull = expect.objectContaining({ code: 'mailbox_full' });

/** Starts a server and suspends it, so that messages wait. */
async function startSuspended(settings: Parameters<typeof puppet>[0], env = surroundings()) {
  const ref = await startServer(puppet(settings), env);
  await sys.suspend(ref);
  return { ref, env };
}

describe('contract: the mailbox is bounded', () => {
  test('refusing a call to a full mailbox with mailbox_full', async () => {
    const { ref } = await startSuspended({ mailboxLimit: 1 });
    cast(ref, { type: 'note', text: 'fills it' });
    const fault = await faultOf(call(ref, { type: 'read' }));
    expect(fault).toMatchObject({ code: 'mailbox_full', details: { limit: 1 } });
  });

  test('refusing a cast and an info by throwing mailbox_full', async () => {
    const { ref } = await startSuspended({ mailboxLimit: 1 });
    cast(ref, { type: 'note', text: 'fills it' });
    expect(() => cast(ref, { type: 'note', text: 'a' })).toThrow(isFull);
    expect(() => info(ref, { type: 'note', text: 'b' })).toThrow(isFull);
  });

  test('losing none of the messages that it took, and serving none that it refused', async () => {
    const { ref } = await startSuspended({ mailboxLimit: 2 });
    cast(ref, { type: 'note', text: 'a' });
    cast(ref, { type: 'note', text: 'b' });
    expect(() => cast(ref, { type: 'note', text: 'refused' })).toThrow(isFull);
    await sys.resume(ref);
    await settle();
    expect(await sys.getState(ref)).toEqual(['a', 'b']);
  });

  test('having room again once messages were served', async () => {
    const { ref } = await startSuspended({ mailboxLimit: 1 });
    cast(ref, { type: 'note', text: 'a' });
    await sys.resume(ref);
    await settle();
    expect(await call(ref, { type: 'note', text: 'b' })).toEqual(['a', 'b']);
  });

  test('having room again once a waiting call has timed out', async () => {
    const { ref, env } = await startSuspended({ mailboxLimit: 1 });
    const fault = faultOf(call(ref, { type: 'read' }, { timeoutMs: 10 }));
    await env.clock.advance(10);
    await fault;
    expect(() => cast(ref, { type: 'note', text: 'a' })).not.toThrow();
  });

  test('holding 100,000 messages by default', async () => {
    const { ref } = await startSuspended({});
    for (let sent = 0; sent < 100_000; sent += 1) cast(ref, { type: 'note', text: 'a' });
    expect(() => cast(ref, { type: 'note', text: 'one more' })).toThrow(isFull);
    exit(ref, 'kill');
  });

  test('holding any number with Infinity', async () => {
    const { ref } = await startSuspended({ mailboxLimit: Infinity });
    for (let sent = 0; sent <= 100_000; sent += 1) cast(ref, { type: 'note', text: 'a' });
    expect(await sys.getStatus(ref)).toMatchObject({ queuedMessages: 100_001 });
    exit(ref, 'kill');
  });

  test('bounding what waits for init as well', async () => {
    const env = surroundings();
    const init = gate<never>();
    const slow = puppet({ mailboxLimit: 1, init: () => init.opened });
    const start = faultOf(startServer(slow, { ...env, name: 'one' }));
    const byName = env.registry.ref<Puppet>('one');
    cast(byName, { type: 'note', text: 'a' });
    expect(() => cast(byName, { type: 'note', text: 'b' })).toThrow(isFull);
    init.fail(new Error('boom'));
    await start;
  });

  test('publishing every refusal', async () => {
    const { ref } = await startSuspended({ mailboxLimit: 1 });
    cast(ref, { type: 'note', text: 'fills it' });
    const published = vi.fn();
    subscribe(otpChannels.mailbox_full.name, published);
    await faultOf(call(ref, { type: 'read' }));
    unsubscribe(otpChannels.mailbox_full.name, published);
    expect(published.mock.calls.map(([event]) => event)).toEqual([
      { server: 'server', message: 'read', limit: 1 },
    ]);
  });

  test.each([0, -1, 1.5, Number.NaN])(
    'refusing mailboxLimit %d with invalid_option',
    (mailboxLimit) => {
      expect(() => puppet({ mailboxLimit })).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      );
    },
  );
});

describe('contract: the system lane goes first', () => {
  test('serving news of a monitor before the messages that wait', async () => {
    const handleInfo = {
      ...puppetClauses,
      down: (_message: object, notes: Notes) => noReply([...notes, 'down']),
    };
    const { ref } = await startSuspended({ handleInfo });
    const other = await startServer(puppet());
    monitor(other, ref);
    cast(ref, { type: 'note', text: 'waited' });
    await stopServer(other);
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual(['down', 'waited']);
  });

  test('taking news of a monitor into a full mailbox', async () => {
    const handleInfo = {
      ...puppetClauses,
      down: (_message: object, notes: Notes) => noReply([...notes, 'down']),
    };
    const { ref } = await startSuspended({ handleInfo, mailboxLimit: 1 });
    const other = await startServer(puppet());
    monitor(other, ref);
    cast(ref, { type: 'note', text: 'fills it' });
    await stopServer(other);
    await sys.resume(ref);
    await settle();
    expect(await sys.getState(ref)).toEqual(['down', 'fills it']);
  });

  test('obeying an order to end before the messages that wait', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const work = gate();
    cast(ref, { type: 'perform', work: (notes) => work.opened.then(() => noReply(notes)) });
    cast(ref, { type: 'note', text: 'never served' });
    const stopped = stopServer(ref);
    work.open();
    await stopped;
    expect(terminate).toHaveBeenCalledWith('normal', [], expect.anything());
  });
});

describe('contract: what a server declares as uncancellable', () => {
  const uncancellable = ['note'] as const;

  test('going before the messages that wait', async () => {
    const { ref } = await startSuspended({ uncancellable });
    const read = call(ref, { type: 'read' });
    cast(ref, { type: 'note', text: 'first' });
    await sys.resume(ref);
    expect(await read).toEqual(['first']);
  });

  test('keeping its own order', async () => {
    const { ref } = await startSuspended({ uncancellable });
    cast(ref, { type: 'note', text: 'a' });
    const second = call(ref, { type: 'note', text: 'b' });
    await sys.resume(ref);
    expect(await second).toEqual(['a', 'b']);
  });

  test('never being refused', async () => {
    const { ref } = await startSuspended({ uncancellable, mailboxLimit: 1 });
    cast(ref, { type: 'perform', work: (notes) => noReply([...notes, 'fills it']) });
    cast(ref, { type: 'note', text: 'a' });
    const answer = call(ref, { type: 'note', text: 'b' });
    await sys.resume(ref);
    expect(await answer).toEqual(['a', 'b']);
  });

  test('taking effect although the time of its caller has passed', async () => {
    const { ref, env } = await startSuspended({ uncancellable });
    const answer = call(ref, { type: 'note', text: 'released' }, { timeoutMs: 10 });
    await env.clock.advance(10);
    await sys.resume(ref);
    expect(await answer).toEqual(['released']);
  });

  test('taking effect although its caller has aborted', async () => {
    const { ref } = await startSuspended({ uncancellable });
    const abort = new AbortController();
    const answer = call(ref, { type: 'note', text: 'released' }, { signal: abort.signal });
    abort.abort(new Error('not wanted any more'));
    await sys.resume(ref);
    expect(await answer).toEqual(['released']);
  });

  test('leaving no timer', async () => {
    const { ref, env } = await startSuspended({ uncancellable });
    const fault = faultOf(call(ref, { type: 'note', text: 'a' }));
    expect(env.clock.allTimers).toBe(0);
    exit(ref, 'kill');
    expect((await fault).code).toBe('server_down');
  });
});

describe('contract: callbacks may be async', () => {
  test('letting messages wait while one runs', async () => {
    const ref = await startServer(puppet());
    const work = gate();
    cast(ref, {
      type: 'perform',
      work: (notes) => work.opened.then(() => noReply([...notes, 'slow'])),
    });
    const answer = call(ref, { type: 'note', text: 'fast' });
    const waiting = watch(answer);
    await settle();
    expect(waiting.isSettled).toBe(false);
    work.open();
    expect(await answer).toEqual(['slow', 'fast']);
  });

  test('running never two at a time', async () => {
    const ref = await startServer(puppet());
    let running = 0;
    const work = async (notes: Notes) => {
      running += 1;
      const seen = running;
      await settle();
      running -= 1;
      return reply(seen, notes);
    };
    const answers = [1, 2, 3].map(() => call(ref, { type: 'perform', work }));
    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
  });

  test('taking anything that has a then', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) => thenable((resolve) => resolve(reply('answered', notes)));
    expect(await call(ref, { type: 'perform', work: work as never })).toBe('answered');
  });

  test('taking the first answer of a thenable that answers twice', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) =>
      thenable((resolve) => {
        queueMicrotask(() => resolve(noReply([...notes, 'first'])));
        queueMicrotask(() => resolve(noReply([...notes, 'second'])));
      });
    cast(ref, { type: 'perform', work: work as never });
    expect(await call(ref, { type: 'read' })).toEqual(['first']);
  });

  test('showing the state from before to everyone who looks meanwhile', async () => {
    const ref = await startServer(puppet());
    const work = gate();
    cast(ref, {
      type: 'perform',
      work: (notes) => work.opened.then(() => noReply([...notes, 'new'])),
    });
    expect(ref.actor?.getSnapshot().context).toEqual([]);
    work.open();
    await settle();
    expect(ref.actor?.getSnapshot().context).toEqual(['new']);
  });

  test('having no effect once the server was killed, whatever it does then', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    const work = gate();
    cast(ref, {
      type: 'perform',
      work: (notes) => work.opened.then(() => noReply([...notes, 'too late'])),
    });
    const { actor } = ref;
    exit(ref, 'kill');
    work.open();
    await settle();
    expect(await end).toBe('killed');
    expect(actor?.getSnapshot().context).toEqual([]);
  });
});

describe('contract: turnStart', () => {
  test("serving an idle server's message on the sender's stack with at_once, the default", async () => {
    const ref = await startServer(puppet());
    cast(ref, { type: 'note', text: 'a' });
    expect(ref.actor?.getSnapshot().context).toEqual(['a']);
  });

  test('gathering what is sent in one tick with microtask', async () => {
    const ref = await startServer(puppet({ turnStart: 'microtask' }));
    cast(ref, { type: 'note', text: 'a' });
    expect(ref.actor?.getSnapshot().context).toEqual([]);
    expect(await call(ref, { type: 'read' })).toEqual(['a']);
  });

  test('serving a message that a callback sends to its own server after that callback', async () => {
    const ref = await startServer(puppet());
    cast(ref, {
      type: 'perform',
      work: (notes, { self }) => {
        cast(self, { type: 'note', text: 'second' });
        return noReply([...notes, 'first']);
      },
    });
    expect(await call(ref, { type: 'read' })).toEqual(['first', 'second']);
  });

  test('refusing anything else with invalid_option', () => {
    expect(() => puppet({ turnStart: 'later' as never })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test.each(['at_once', 'microtask'] as const)(
    'letting the event loop go on while a server floods itself, %s',
    async (turnStart) => {
      const ref = await startServer(puppet({ turnStart }));
      let isFlooding = true;
      const work = (notes: Notes, { self }: { self: ServerRef<Puppet> }) => {
        if (isFlooding) cast(self, { type: 'perform', work });
        return noReply(notes);
      };
      cast(ref, { type: 'perform', work });
      await new Promise((timerFires) => setTimeout(timerFires, 0));
      isFlooding = false;
      expect(await call(ref, { type: 'read' })).toEqual([]);
    },
  );

  test('not exhausting the stack when two servers cast to each other', async () => {
    const one = await startServer(puppet());
    const other = await startServer(puppet());
    let left = 20_000;
    const over = gate();
    const play = (from: ServerRef<Puppet>, to: ServerRef<Puppet>) => (notes: Notes) => {
      left -= 1;
      if (left === 0) over.open();
      else cast(to, { type: 'perform', work: play(to, from) });
      return noReply(notes);
    };
    cast(one, { type: 'perform', work: play(one, other) });
    await over.opened;
    expect(left).toBe(0);
  });
});

describe('contract: handleReplies', () => {
  type Seen = { request: string; value: unknown; isRejection: boolean }[];
  const look = (replies: readonly TurnReply[]): Seen =>
    replies.map(({ request, value, isRejection }) => ({
      request: request.type,
      value,
      isRejection,
    }));

  test('being called once for the answers of a turn, in the order of the messages', async () => {
    const turns: Seen[] = [];
    const handleReplies = (replies: readonly TurnReply[], notes: Notes) => {
      turns.push(look(replies));
      return noReply(notes);
    };
    const ref = await startServer(puppet({ turnStart: 'microtask', handleReplies }));
    const refusal = new Error('no');
    const refuse = (notes: Notes) => rejectWith(refusal, notes);
    await Promise.allSettled([
      call(ref, { type: 'note', text: 'a' }),
      call(ref, { type: 'perform', work: refuse }),
    ]);
    expect(turns).toEqual([
      [
        { request: 'note', value: ['a'], isRejection: false },
        { request: 'perform', value: refusal, isRejection: true },
      ],
    ]);
  });

  test('getting the state after the last message of the turn', async () => {
    const handleReplies = vi.fn((_replies: readonly TurnReply[], notes: Notes) => noReply(notes));
    const ref = await startServer(puppet({ turnStart: 'microtask', handleReplies }));
    cast(ref, { type: 'note', text: 'a' });
    await call(ref, { type: 'note', text: 'b' });
    expect(handleReplies.mock.calls.map(([, notes]) => notes)).toEqual([['a', 'b']]);
  });

  test('holding the answers back until it has ended', async () => {
    const commit = gate();
    const handleReplies = (_replies: readonly TurnReply[], notes: Notes) =>
      commit.opened.then(() => noReply(notes));
    const ref = await startServer(puppet({ handleReplies }));
    const answer = call(ref, { type: 'note', text: 'a' });
    const waiting = watch(answer);
    await settle();
    expect(waiting.isSettled).toBe(false);
    commit.open();
    expect(await answer).toEqual(['a']);
  });

  test('replacing an answer', async () => {
    const handleReplies = (replies: readonly TurnReply[], notes: Notes) => {
      for (const answer of replies) answer.replaceWith('replaced');
      return noReply(notes);
    };
    const ref = await startServer(puppet({ handleReplies }));
    expect(await call(ref, { type: 'read' })).toBe('replaced');
  });

  test('rejecting what was an answer', async () => {
    const refusal = new SlotkeeperError('not_committed', 'The disk is full');
    const handleReplies = (replies: readonly TurnReply[], notes: Notes) => {
      for (const answer of replies) answer.rejectWith(refusal);
      return noReply(notes);
    };
    const ref = await startServer(puppet({ handleReplies }));
    await expect(call(ref, { type: 'read' })).rejects.toBe(refusal);
  });

  test('answering what was a rejection', async () => {
    const handleReplies = (replies: readonly TurnReply[], notes: Notes) => {
      for (const answer of replies) answer.replaceWith('after all');
      return noReply(notes);
    };
    const ref = await startServer(puppet({ handleReplies }));
    const work = (notes: Notes) => rejectWith(new Error('no'), notes);
    expect(await call(ref, { type: 'perform', work })).toBe('after all');
  });

  test('giving the state that the server goes on with', async () => {
    const handleReplies = (_replies: readonly TurnReply[], notes: Notes) =>
      noReply([...notes, 'committed']);
    const ref = await startServer(puppet({ handleReplies }));
    await call(ref, { type: 'note', text: 'a' });
    expect(await sys.getState(ref)).toEqual(['a', 'committed']);
  });

  test('seeing the reply of a stop, which goes out before terminate', async () => {
    const order: string[] = [];
    const ref = await startServer(
      puppet({
        handleReplies: (replies, notes) => {
          order.push(`${replies.length} replies`);
          return noReply(notes);
        },
        terminate: () => order.push('terminate'),
      }),
    );
    const end = endOf(ref);
    const work = (notes: Notes) => stop('shutdown', notes, { reply: 'bye' });
    expect(await call(ref, { type: 'perform', work })).toBe('bye');
    expect(await end).toBe('shutdown');
    expect(order).toEqual(['1 replies', 'terminate']);
  });

  test('ending the server with stop, after the answers went out', async () => {
    const handleReplies = (_replies: readonly TurnReply[], notes: Notes) => stop('shutdown', notes);
    const ref = await startServer(puppet({ handleReplies }));
    const end = endOf(ref);
    expect(await call(ref, { type: 'note', text: 'a' })).toEqual(['a']);
    expect(await end).toBe('shutdown');
  });

  test('sending no answer when a later message of the turn crashes', async () => {
    const boom = new Error('boom');
    const handleReplies = vi.fn((_replies: readonly TurnReply[], notes: Notes) => noReply(notes));
    const ref = await startServer(puppet({ turnStart: 'microtask', handleReplies }));
    const fault = faultOf(call(ref, { type: 'note', text: 'not committed' }));
    cast(ref, {
      type: 'perform',
      work: () => {
        throw boom;
      },
    });
    expect(await fault).toMatchObject({ code: 'server_down', cause: boom });
    expect(handleReplies).not.toHaveBeenCalled();
  });

  test('sending no answer when the server is killed during it', async () => {
    const handleReplies = () => new Promise<never>(() => {});
    const ref = await startServer(puppet({ handleReplies }));
    const fault = faultOf(call(ref, { type: 'read' }));
    exit(ref, 'kill');
    expect(await fault).toMatchObject({ code: 'server_down', details: { reason: 'killed' } });
  });

  test.each([undefined, reply(1, [])])(
    'crashing with bad_return_value when it returns %o',
    async (returned) => {
      const ref = await startServer(puppet({ handleReplies: () => returned as never }));
      const fault = await faultOf(call(ref, { type: 'read' }));
      expect(fault).toMatchObject({ code: 'server_down', cause: { code: 'bad_return_value' } });
    },
  );
});
