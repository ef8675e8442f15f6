/**
 * Calls, promise by promise of the manual page gen_server(3): `call/2,3`, `reply/2` and
 * `Module:handle_call/3`. Where OTP exits the caller, a promise is rejected with a coded fault.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  deferReply,
  type ExitReason,
  exit,
  type From,
  noReply,
  Registry,
  rejectTo,
  rejectWith,
  reply,
  replyTo,
  startServer,
  stop,
  stopServer,
  sys,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import {
  endOf,
  faultOf,
  gate,
  NOTHING,
  type Notes,
  type Puppet,
  puppet,
  remains,
  surroundings,
  watch,
} from '../../support/servers.ts';

/** A call that is never answered unless `from` is answered later. */
const unanswered = {
  type: 'perform',
  work: (notes: Notes, from: From<unknown>) => deferReply(from, notes),
} as const;

/** Starts a puppet and keeps the `from` of a call that it leaves open. */
async function startWithOpenCall(env = surroundings()) {
  const ref = await startServer(puppet(), env);
  const asked = gate<From<unknown>>();
  const answer = call(ref, {
    type: 'perform',
    work: (notes, from) => {
      asked.open(from);
      return deferReply(from, notes);
    },
  });
  return { ref, answer, from: await asked.opened };
}

describe('gen_server: call/2,3', () => {
  test('resolving with the reply', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) => reply('the reply', notes);
    expect(await call(ref, { type: 'perform', work })).toBe('the reply');
  });

  test('serving the calls of one caller in the order in which they were made', async () => {
    const ref = await startServer(puppet());
    const answers = ['a', 'b', 'c'].map((text) => call(ref, { type: 'note', text }));
    expect(await Promise.all(answers)).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c']]);
  });

  test('keeping the order of casts and calls of one sender', async () => {
    const ref = await startServer(puppet());
    cast(ref, { type: 'note', text: 'cast' });
    expect(await call(ref, { type: 'note', text: 'call' })).toEqual(['cast', 'call']);
  });

  test('reaching a server by its XState actor as well', async () => {
    const ref = await startServer(puppet());
    const { actor } = ref;
    if (!actor) throw new Error('Expected a running actor');
    await call(ref, { type: 'note', text: 'a' });
    expect(await call<Puppet, 'read'>(actor as never, { type: 'read' })).toEqual(['a']);
  });
});

describe('gen_server: call/3, Timeout', () => {
  test('rejecting with call_timeout after 5,000 ms by default, and not before', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const fault = faultOf(call(ref, unanswered));
    const waiting = watch(fault);
    await env.clock.advance(4_999);
    expect(waiting.isSettled).toBe(false);
    await env.clock.advance(1);
    expect((await fault).code).toBe('call_timeout');
  });

  test('rejecting after the time-out that the caller gave', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const fault = faultOf(call(ref, unanswered, { timeoutMs: 50 }));
    await env.clock.advance(50);
    expect(await fault).toMatchObject({
      code: 'call_timeout',
      details: { request: 'perform', timeoutMs: 50 },
    });
  });

  test('rejecting in the order of deadlines, not of calls', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const order: number[] = [];
    const faults = [300, 100, 200].map(async (timeoutMs) => {
      await faultOf(call(ref, unanswered, { timeoutMs }));
      order.push(timeoutMs);
    });
    await env.clock.advance(300);
    await Promise.all(faults);
    expect(order).toEqual([100, 200, 300]);
  });

  test('waiting for ever with Infinity, without a timer', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const waiting = watch(call(ref, unanswered, { timeoutMs: Infinity }));
    await env.clock.advance(1e12);
    expect(waiting.isSettled).toBe(false);
    expect(env.clock.allTimers).toBe(0);
  });

  test('giving up at once on a suspended server with a time-out of 0', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.suspend(ref);
    const fault = faultOf(call(ref, { type: 'read' }, { timeoutMs: 0 }));
    await env.clock.advance(0);
    expect((await fault).code).toBe('call_timeout');
  });

  test('leaving the server running', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const fault = faultOf(call(ref, unanswered, { timeoutMs: 10 }));
    await env.clock.advance(10);
    await fault;
    expect(await call(ref, { type: 'note', text: 'after' })).toEqual(['after']);
  });

  test('dropping a late reply', async () => {
    const env = surroundings();
    const { answer, from } = await startWithOpenCall(env);
    const fault = faultOf(answer);
    await env.clock.advance(5_000);
    expect((await fault).code).toBe('call_timeout');
    expect(replyTo(from, 'too late')).toBe(false);
  });

  test('never serving a call whose deadline passed before its turn', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.suspend(ref);
    const fault = faultOf(call(ref, { type: 'note', text: 'expired' }, { timeoutMs: 10 }));
    await env.clock.advance(10);
    await fault;
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('letting a call that is in service finish, without effect on its caller', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const work = gate();
    const slow = (notes: Notes) => work.opened.then(() => reply('late', [...notes, 'done']));
    const fault = faultOf(call(ref, { type: 'perform', work: slow }, { timeoutMs: 10 }));
    await env.clock.advance(10);
    expect((await fault).code).toBe('call_timeout');
    work.open();
    expect(await call(ref, { type: 'read' })).toEqual(['done']);
  });

  test('using one timer for the deadlines of all calls, and none when all are answered', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.suspend(ref);
    const calls = Array.from({ length: 100 }, () => call(ref, { type: 'read' }));
    expect(env.clock.allTimers).toBe(1);
    await sys.resume(ref);
    await Promise.all(calls);
    expect(env.clock.pendingTimers).toBe(0);
  });

  test.each([-1, Number.NaN, '5' as never])(
    'refusing timeoutMs %s with invalid_option',
    async (timeoutMs) => {
      const ref = await startServer(puppet());
      const fault = await faultOf(call(ref, { type: 'note', text: 'a' }, { timeoutMs }));
      expect(fault.code).toBe('invalid_option');
      expect(await call(ref, { type: 'read' })).toEqual([]);
    },
  );
});

describe('gen_server: call/3, abort signal (beyond OTP)', () => {
  test('rejecting at once with the reason of a signal that was aborted before', async () => {
    const ref = await startServer(puppet());
    const reason = new Error('not wanted');
    const signal = AbortSignal.abort(reason);
    await expect(call(ref, { type: 'note', text: 'a' }, { signal })).rejects.toBe(reason);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('taking a waiting call out of the mailbox', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    const abort = new AbortController();
    const answer = call(ref, { type: 'note', text: 'a' }, { signal: abort.signal });
    abort.abort(new Error('not wanted any more'));
    await expect(answer).rejects.toThrow('not wanted any more');
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('rejecting the caller while the call is in service, and dropping its reply', async () => {
    const { ref, from } = await startWithOpenCall();
    const abort = new AbortController();
    const answer = call(ref, unanswered, { signal: abort.signal });
    abort.abort(new Error('not wanted any more'));
    await expect(answer).rejects.toThrow('not wanted any more');
    expect(replyTo(from, 'still good')).toBe(true);
  });

  test('leaving no listener on the signal once the call is answered', async () => {
    const { ref, from } = await startWithOpenCall();
    const { signal } = new AbortController();
    const open = gate<From<unknown>>();
    const work = (notes: Notes, asked: From<unknown>) => {
      open.open(asked);
      return deferReply(asked, notes);
    };
    const answer = call(ref, { type: 'perform', work }, { signal });
    replyTo(await open.opened, 'answered');
    replyTo(from, 'as well');
    expect(await answer).toBe('answered');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('leaving no deadline behind', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const abort = new AbortController();
    const answer = call(ref, unanswered, { signal: abort.signal });
    abort.abort(new Error('not wanted any more'));
    await expect(answer).rejects.toThrow('not wanted any more');
    expect(env.clock.pendingTimers).toBe(0);
  });
});

describe('gen_server: call/3, noproc', () => {
  test('rejecting a call to a server that is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('noproc');
  });

  test('rejecting a call to an actor that is gone', async () => {
    const ref = await startServer(puppet());
    const actor = ref.actor;
    await stopServer(ref);
    expect((await faultOf(call<Puppet, 'read'>(actor as never, { type: 'read' }))).code).toBe(
      'noproc',
    );
  });

  test('rejecting a call to a name that nobody holds', async () => {
    const nobody = new Registry().ref<Puppet>('nobody');
    expect((await faultOf(call(nobody, { type: 'read' }))).code).toBe('noproc');
  });

  test('rejecting without a timer', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), { ...env, name: 'one' });
    await stopServer(ref);
    await faultOf(call(ref, { type: 'read' }));
    expect(remains(env)).toEqual(NOTHING);
  });

  test('finding the next server that takes the name', async () => {
    const env = surroundings();
    const first = await startServer(puppet(), { ...env, name: 'one' });
    await stopServer(first);
    await startServer(puppet(), { ...env, name: 'one' });
    expect(await call(first, { type: 'note', text: 'to the second' })).toEqual(['to the second']);
  });
});

describe('gen_server: call/3, calling_self', () => {
  test('rejecting a call that a server makes to itself', async () => {
    const ref = await startServer(puppet());
    const answer = call(ref, {
      type: 'perform',
      work: async (notes, _from, { self }) =>
        reply(await faultOf(call(self, { type: 'read' })), notes),
    });
    expect(await answer).toMatchObject({ code: 'calling_self' });
  });

  test('rejecting a call that a server makes to its own name', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), { ...env, name: 'one' });
    const byName = env.registry.ref<Puppet>('one');
    const answer = call(ref, {
      type: 'perform',
      work: async (notes) => reply(await faultOf(call(byName, { type: 'read' })), notes),
    });
    expect(await answer).toMatchObject({ code: 'calling_self' });
  });

  test('letting a server call another one', async () => {
    const other = await startServer(puppet());
    const ref = await startServer(puppet());
    const work = async (notes: Notes) =>
      reply(await call(other, { type: 'note', text: 'from a server' }), notes);
    expect(await call(ref, { type: 'perform', work })).toEqual(['from a server']);
  });
});

describe('gen_server: call/3, the server ends during the call', () => {
  const boom = new Error('boom');
  test.each<[string, ExitReason, string]>([
    ['normal', 'normal', 'normal'],
    ['shutdown', 'shutdown', 'shutdown'],
    ['{ shutdown: term }', { shutdown: 'idle' }, 'shutdown ("idle")'],
    ['an error', boom, 'Error: boom'],
  ])(
    'rejecting with server_down when it stops with %s and does not reply',
    async (_what, reason, told) => {
      const ref = await startServer(puppet());
      const fault = await faultOf(
        call(ref, { type: 'perform', work: (notes) => stop(reason, notes) }),
      );
      expect(fault).toMatchObject({ code: 'server_down', details: { reason: told } });
      expect(fault.cause).toBe(reason instanceof Error ? reason : undefined);
    },
  );

  test('rejecting with server_down when it is stopped', async () => {
    const { ref, answer } = await startWithOpenCall();
    const fault = faultOf(answer);
    await stopServer(ref, 'shutdown');
    expect(await fault).toMatchObject({ code: 'server_down', details: { reason: 'shutdown' } });
  });

  test('rejecting with server_down when it is killed', async () => {
    const { ref, answer } = await startWithOpenCall();
    const fault = faultOf(answer);
    exit(ref, 'kill');
    expect(await fault).toMatchObject({ code: 'server_down', details: { reason: 'killed' } });
  });

  test('rejecting with server_down when it gets an exit signal that it does not trap', async () => {
    const { ref, answer } = await startWithOpenCall();
    const fault = faultOf(answer);
    exit(ref, boom);
    expect(await fault).toMatchObject({ code: 'server_down', cause: boom });
  });

  test('rejecting calls that were still waiting in the mailbox', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    const faults = [1, 2, 3].map(() => faultOf(call(ref, { type: 'read' })));
    await stopServer(ref, 'shutdown');
    const codes = (await Promise.all(faults)).map(({ code }) => code);
    expect(codes).toEqual(['server_down', 'server_down', 'server_down']);
  });

  test('rejecting a call that arrives while terminate runs, once it has ended', async () => {
    const cleanup = gate();
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }));
    const stopped = stopServer(ref);
    const fault = faultOf(call(ref, { type: 'read' }));
    cleanup.open();
    await stopped;
    expect(['server_down', 'noproc']).toContain((await fault).code);
  });
});

describe('gen_server: Module:handle_call/3', () => {
  test('handing over the request and the state, and taking the new state', async () => {
    const ref = await startServer(puppet());
    const work = vi.fn((notes: Notes) => reply(notes.length, [...notes, 'served']));
    await call(ref, { type: 'perform', work });
    await call(ref, { type: 'perform', work });
    expect(work.mock.calls.map(([notes]) => notes)).toEqual([[], ['served']]);
  });

  test('going on after deferReply without an answer', async () => {
    const { ref, answer } = await startWithOpenCall();
    const waiting = watch(answer);
    answer.catch(() => {});
    expect(await call(ref, { type: 'note', text: 'meanwhile' })).toEqual(['meanwhile']);
    expect(waiting.isSettled).toBe(false);
    await stopServer(ref);
  });

  test('replying before it stops with a reply', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    const work = (notes: Notes) => stop('normal', [...notes, 'last'], { reply: 'bye' });
    expect(await call(ref, { type: 'perform', work })).toBe('bye');
    expect(await end).toBe('normal');
    expect(terminate).toHaveBeenCalledWith('normal', ['last'], expect.anything());
  });

  test('replying undefined where that is the reply of a stop', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) => stop('normal', notes, { reply: undefined });
    expect(await call(ref, { type: 'perform', work })).toBeUndefined();
  });

  test('rejecting with the error of rejectWith, and going on (beyond OTP)', async () => {
    const ref = await startServer(puppet());
    const refusal = new Error('not today');
    const work = (notes: Notes) => rejectWith(refusal, [...notes, 'refused']);
    await expect(call(ref, { type: 'perform', work })).rejects.toBe(refusal);
    expect(await call(ref, { type: 'read' })).toEqual(['refused']);
  });

  test('rejecting an unknown request with unexpected_request, and going on', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const fault = await faultOf(call(ref, { type: 'unheard_of' } as never));
    expect(fault.code).toBe('unexpected_request');
    expect(await call(ref, { type: 'read' })).toEqual([]);
    expect(env.logger.lines).toMatchObject([{ level: 'warn', fields: { message: 'unheard_of' } }]);
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'not taking %s, which every object has, for a clause',
    async (type) => {
      const ref = await startServer(puppet());
      const fault = await faultOf(call(ref, { type } as never));
      expect(fault.code).toBe('unexpected_request');
    },
  );

  test.each([undefined, null, 'text', {}, { type: 7 }])(
    'refusing %o, which has no type, with invalid_option',
    async (request) => {
      const ref = await startServer(puppet());
      expect((await faultOf(call(ref, request as never))).code).toBe('invalid_option');
    },
  );

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a bare value', 42],
    ["a cast's answer", noReply<Notes>([])],
  ])('crashing with bad_return_value when it returns %s', async (_what, returned) => {
    const ref = await startServer(puppet());
    const fault = await faultOf(call(ref, { type: 'perform', work: () => returned as never }));
    expect(fault).toMatchObject({ code: 'server_down', cause: { code: 'bad_return_value' } });
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('noproc');
  });
});

describe('gen_server: reply/2', () => {
  test('answering a deferred call from a later callback', async () => {
    const { ref, answer, from } = await startWithOpenCall();
    cast(ref, {
      type: 'perform',
      work: (notes) => {
        replyTo(from, 'later');
        return noReply(notes);
      },
    });
    expect(await answer).toBe('later');
  });

  test('answering a deferred call from outside of the server', async () => {
    const { answer, from } = await startWithOpenCall();
    expect(replyTo(from, 'from outside')).toBe(true);
    expect(await answer).toBe('from outside');
  });

  test('answering in the same callback, before it returns', async () => {
    const ref = await startServer(puppet());
    const rest = gate();
    const work = (notes: Notes, from: From<unknown>) => {
      replyTo(from, 'early');
      return rest.opened.then(() => deferReply(from, [...notes, 'the rest']));
    };
    expect(await call(ref, { type: 'perform', work })).toBe('early');
    rest.open();
    expect(await call(ref, { type: 'read' })).toEqual(['the rest']);
  });

  test('answering explicitly before a stop without reply', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes, from: From<unknown>) => {
      replyTo(from, 'last words');
      return stop('normal', notes);
    };
    expect(await call(ref, { type: 'perform', work })).toBe('last words');
  });

  test('answering once: a second reply is dropped', async () => {
    const { answer, from } = await startWithOpenCall();
    expect(replyTo(from, 'first')).toBe(true);
    expect(replyTo(from, 'second')).toBe(false);
    expect(await answer).toBe('first');
  });

  test('rejecting a deferred call with rejectTo (beyond OTP)', async () => {
    const { ref, answer, from } = await startWithOpenCall();
    const refusal = new Error('not today');
    expect(rejectTo(from, refusal)).toBe(true);
    await expect(answer).rejects.toBe(refusal);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('answering deferred calls in any order', async () => {
    const ref = await startServer(puppet());
    const open: From<unknown>[] = [];
    const work = (notes: Notes, from: From<unknown>) => {
      open.push(from);
      return deferReply(from, notes);
    };
    const answers = ['a', 'b'].map(() => call(ref, { type: 'perform', work }));
    await settle();
    for (const [index, from] of [...open.entries()].reverse()) replyTo(from, index);
    expect(await Promise.all(answers)).toEqual([0, 1]);
  });

  test('dropping a reply to a caller whose server is gone', async () => {
    const { ref, answer, from } = await startWithOpenCall();
    const fault = faultOf(answer);
    await stopServer(ref);
    expect((await fault).code).toBe('server_down');
    expect(replyTo(from, 'too late')).toBe(false);
  });
});
