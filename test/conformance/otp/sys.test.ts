/**
 * Looking into servers, promise by promise of the manual page sys(3): `get_state`, `replace_state`,
 * `suspend`, `resume`, `statistics`, `trace`, `get_status` and what holds for all of them.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  continueWith,
  deferReply,
  exit,
  info,
  monitor,
  noReply,
  Registry,
  rejectWith,
  reply,
  type ServerRef,
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
  type Notes,
  type Puppet,
  puppet,
  puppetClauses,
  surroundings,
  watch,
} from '../../support/servers.ts';

/** Every request of sys. */
const REQUESTS: [string, (ref: ServerRef<Puppet>) => Promise<unknown>][] = [
  ['getState', (ref) => sys.getState(ref)],
  ['replaceState', (ref) => sys.replaceState(ref, (notes) => notes)],
  ['suspend', (ref) => sys.suspend(ref)],
  ['resume', (ref) => sys.resume(ref)],
  ['statistics', (ref) => sys.statistics(ref, 'get')],
  ['trace', (ref) => sys.trace(ref, false)],
  ['getStatus', (ref) => sys.getStatus(ref)],
];

/** Occupies a server with an async callback until `finish`. */
function occupy(ref: ServerRef<Puppet>) {
  const work = gate();
  cast(ref, { type: 'perform', work: (notes) => work.opened.then(() => noReply(notes)) });
  return { finish: () => work.open() };
}

describe.each(REQUESTS)('sys: %s, as every request', (_name, request) => {
  test('being answered while the server is suspended', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    await request(ref);
    expect(await sys.getStatus(ref)).toMatchObject({ phase: 'running' });
  });

  test('rejecting with noproc when the server is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect((await faultOf(request(ref))).code).toBe('noproc');
  });

  test('timing out after 5,000 ms when the server does not respond', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const { finish } = occupy(ref);
    const fault = faultOf(request(ref));
    const waiting = watch(fault);
    await env.clock.advance(4_999);
    expect(waiting.isSettled).toBe(false);
    await env.clock.advance(1);
    expect((await fault).code).toBe('call_timeout');
    finish();
  });

  test('being no message: the state and the counts stay as they are', async () => {
    const ref = await startServer(puppet());
    await sys.statistics(ref, true);
    await request(ref);
    await sys.resume(ref);
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 0, messagesOut: 0 });
    expect(await sys.getState(ref)).toEqual([]);
  });
});

describe('sys: every request', () => {
  test('going before the messages that wait', async () => {
    const ref = await startServer(puppet());
    const { finish } = occupy(ref);
    cast(ref, { type: 'note', text: 'waits' });
    const state = sys.getState(ref);
    finish();
    expect(await state).toEqual([]);
    expect(await call(ref, { type: 'read' })).toEqual(['waits']);
  });

  test('being answered between two messages, never during one', async () => {
    const ref = await startServer(puppet());
    const { finish } = occupy(ref);
    const waiting = watch(sys.getState(ref));
    await settle();
    expect(waiting.isSettled).toBe(false);
    finish();
    await settle();
    expect(waiting.isSettled).toBe(true);
  });

  test('being taken by a full mailbox', async () => {
    const ref = await startServer(puppet({ mailboxLimit: 1 }));
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'fills it' });
    expect(await sys.getState(ref)).toEqual([]);
  });

  test('taking a time-out of its own', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const { finish } = occupy(ref);
    const fault = faultOf(sys.getState(ref, { timeoutMs: 10 }));
    await env.clock.advance(10);
    expect((await fault).code).toBe('call_timeout');
    finish();
  });

  test('having no effect when it timed out before its turn', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const { finish } = occupy(ref);
    const replace = vi.fn((notes: Notes) => notes);
    const fault = faultOf(sys.replaceState(ref, replace, { timeoutMs: 10 }));
    await env.clock.advance(10);
    await fault;
    finish();
    await call(ref, { type: 'read' });
    expect(replace).not.toHaveBeenCalled();
  });

  test('finding the server by its name', async () => {
    const env = surroundings();
    await startServer(puppet(), { ...env, name: 'one' });
    expect(await sys.getState(env.registry.ref<Puppet>('one'))).toEqual([]);
  });

  test('rejecting with noproc for a name that nobody holds', async () => {
    const nobody = new Registry().ref<Puppet>('nobody');
    expect((await faultOf(sys.getState(nobody))).code).toBe('noproc');
  });

  test('rejecting with calling_self when a server asks itself', async () => {
    const ref = await startServer(puppet());
    const answer = call(ref, {
      type: 'perform',
      work: async (notes, _from, { self }) => reply(await faultOf(sys.getState(self)), notes),
    });
    expect(await answer).toMatchObject({ code: 'calling_self' });
  });

  test('rejecting with server_down when the server ends before it answers', async () => {
    const ref = await startServer(puppet());
    occupy(ref);
    const fault = faultOf(sys.getState(ref));
    exit(ref, 'kill');
    expect((await fault).code).toBe('server_down');
  });
});

describe('sys: get_state/1,2', () => {
  test('telling the state of the server as it is', async () => {
    const ref = await startServer(puppet());
    await call(ref, { type: 'note', text: 'a' });
    expect(await sys.getState(ref)).toEqual(['a']);
  });
});

describe('sys: replace_state/2,3', () => {
  test('replacing the state, and resolving with the new one', async () => {
    const ref = await startServer(puppet());
    expect(await sys.replaceState(ref, (notes) => [...notes, 'replaced'])).toEqual(['replaced']);
    expect(await call(ref, { type: 'note', text: 'then' })).toEqual(['replaced', 'then']);
  });

  test('handing over the state of now', async () => {
    const ref = await startServer(puppet());
    await call(ref, { type: 'note', text: 'a' });
    const replace = vi.fn((notes: Notes) => notes);
    await sys.replaceState(ref, replace);
    expect(replace.mock.calls).toEqual([[['a']]]);
  });

  test('rejecting with the error of a function that throws, whose state stays', async () => {
    const ref = await startServer(puppet());
    await call(ref, { type: 'note', text: 'stays' });
    const boom = new Error('boom');
    const replaced = sys.replaceState(ref, () => {
      throw boom;
    });
    await expect(replaced).rejects.toSatisfy((error) => error === boom || error.cause === boom);
    expect(await call(ref, { type: 'read' })).toEqual(['stays']);
  });

  test('replacing the state of a suspended server, which then serves with it', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    const answer = call(ref, { type: 'read' });
    await sys.replaceState(ref, () => ['replaced']);
    await sys.resume(ref);
    expect(await answer).toEqual(['replaced']);
  });

  test("showing the new state in XState's snapshot", async () => {
    const ref = await startServer(puppet());
    await sys.replaceState(ref, () => ['replaced']);
    expect(ref.actor?.getSnapshot().context).toEqual(['replaced']);
  });
});

describe('sys: suspend/1,2 and resume/1,2', () => {
  test('letting calls, casts and infos wait, and serving them in order after it', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'cast' });
    info(ref, { type: 'note', text: 'info' });
    const answer = call(ref, { type: 'note', text: 'call' });
    const waiting = watch(answer);
    await settle();
    expect(waiting.isSettled).toBe(false);
    expect(await sys.getState(ref)).toEqual([]);
    await sys.resume(ref);
    expect(await answer).toEqual(['cast', 'info', 'call']);
  });

  test('letting messages wait on, although it has answered a request of sys', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'waits' });
    await sys.getState(ref);
    await settle();
    expect(await sys.getState(ref)).toEqual([]);
  });

  test('letting messages wait that were behind the request to suspend', async () => {
    const ref = await startServer(puppet());
    const { finish } = occupy(ref);
    cast(ref, { type: 'note', text: 'waits' });
    const suspended = sys.suspend(ref);
    finish();
    await suspended;
    await settle();
    expect(await sys.getState(ref)).toEqual([]);
  });

  test('letting what XState sends to the actor wait', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    ref.actor?.send({ type: 'note', text: 'event' });
    await settle();
    expect(await sys.getState(ref)).toEqual([]);
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual(['event']);
  });

  test('letting news of monitors wait', async () => {
    const handleInfo = {
      ...puppetClauses,
      down: (_message: object, notes: Notes) => noReply([...notes, 'down']),
    };
    const watcher = await startServer(puppet({ handleInfo }));
    const ref = await startServer(puppet());
    monitor(ref, watcher);
    await sys.suspend(watcher);
    await stopServer(ref);
    expect(await sys.getState(watcher)).toEqual([]);
    await sys.resume(watcher);
    expect(await call(watcher, { type: 'read' })).toEqual(['down']);
  });

  test('letting a trapped exit signal wait, which is a message like any other', async () => {
    const handleInfo = {
      ...puppetClauses,
      exit: (_message: object, notes: Notes) => noReply([...notes, 'exit']),
    };
    const ref = await startServer(puppet({ trapExit: true, handleInfo }));
    await sys.suspend(ref);
    exit(ref, 'shutdown');
    expect(await sys.getState(ref)).toEqual([]);
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual(['exit']);
  });

  test('letting calls of a suspended server time out', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.suspend(ref);
    const fault = faultOf(call(ref, { type: 'read' }));
    await env.clock.advance(5_000);
    expect((await fault).code).toBe('call_timeout');
  });

  test('suspending once, however often it is told', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    await sys.suspend(ref);
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('resuming a server that is not suspended as nothing', async () => {
    const ref = await startServer(puppet());
    await sys.resume(ref);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('letting an order to end through, with terminate', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    await sys.suspend(ref);
    exit(ref, 'shutdown');
    expect(await end).toBe('shutdown');
    expect(terminate.mock.calls).toEqual([['shutdown', [], expect.anything()]]);
  });
});

describe('sys: statistics/2,3', () => {
  test('telling nothing when nobody has asked to count', async () => {
    const ref = await startServer(puppet());
    expect(await sys.statistics(ref, 'get')).toBeUndefined();
  });

  test('counting calls, casts and infos in, and replies out', async () => {
    const ref = await startServer(puppet());
    await sys.statistics(ref, true);
    await call(ref, { type: 'read' });
    cast(ref, { type: 'note', text: 'a' });
    info(ref, { type: 'note', text: 'b' });
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 3, messagesOut: 1 });
  });

  test('telling since when it counts, and the time of now, on the clock of the server', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const startedAt = env.clock.now();
    await sys.statistics(ref, true);
    await env.clock.advance(1_000);
    expect(await sys.statistics(ref, 'get')).toMatchObject({
      startedAt,
      currentAt: startedAt + 1_000,
    });
  });

  test('not counting what came before', async () => {
    const ref = await startServer(puppet());
    await call(ref, { type: 'read' });
    await sys.statistics(ref, true);
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 0, messagesOut: 0 });
  });

  test('ending with false', async () => {
    const ref = await startServer(puppet());
    await sys.statistics(ref, true);
    await sys.statistics(ref, false);
    expect(await sys.statistics(ref, 'get')).toBeUndefined();
  });

  test('beginning at zero when it is enabled anew', async () => {
    const ref = await startServer(puppet());
    await sys.statistics(ref, true);
    await call(ref, { type: 'read' });
    await sys.statistics(ref, false);
    await sys.statistics(ref, true);
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 0, messagesOut: 0 });
  });
});

describe('sys: trace/2,3', () => {
  /** A traced server, and the events that it has produced. */
  async function startTraced() {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const events: sys.SystemEvent[] = [];
    await sys.trace(ref, (event) => events.push(event));
    return { env, ref, events, end: endOf(ref) };
  }

  test('tracing a call as in and out', async () => {
    const { ref, events } = await startTraced();
    await call(ref, { type: 'read' });
    expect(events).toMatchObject([
      { type: 'in', sort: 'call', message: { type: 'read' } },
      { type: 'out', reply: [], to: 'read' },
    ]);
  });

  test('tracing a cast and an info as in and noreply with the new state', async () => {
    const { ref, events } = await startTraced();
    cast(ref, { type: 'note', text: 'a' });
    info(ref, { type: 'note', text: 'b' });
    await call(ref, { type: 'read' });
    expect(events.slice(0, 4)).toMatchObject([
      { type: 'in', sort: 'cast', message: { type: 'note', text: 'a' } },
      { type: 'noreply', state: ['a'] },
      { type: 'in', sort: 'info', message: { type: 'note', text: 'b' } },
      { type: 'noreply', state: ['a', 'b'] },
    ]);
  });

  test('tracing a call that is answered later as in and noreply', async () => {
    const { ref, events } = await startTraced();
    const fault = faultOf(
      call(ref, { type: 'perform', work: (notes, from) => deferReply(from, notes) }),
    );
    await settle();
    expect(events.map(({ type }) => type)).toEqual(['in', 'noreply']);
    await stopServer(ref);
    await fault;
  });

  test('tracing a call that is rejected as in and out', async () => {
    const { ref, events } = await startTraced();
    const work = (notes: Notes) => rejectWith(new Error('no'), notes);
    await call(ref, { type: 'perform', work }).catch(() => {});
    expect(events.map(({ type }) => type)).toEqual(['in', 'out']);
  });

  test('tracing a continuation as continue', async () => {
    const { ref, events } = await startTraced();
    const continuation = { type: 'note', text: 'continued' };
    cast(ref, { type: 'perform', work: (notes) => noReply(notes, continueWith(continuation)) });
    await settle();
    expect(events).toContainEqual({ type: 'continue', continuation });
  });

  test('tracing a stop as in and terminate', async () => {
    const { ref, events, end } = await startTraced();
    cast(ref, { type: 'perform', work: (notes) => stop('shutdown', notes) });
    await end;
    expect(events.map(({ type }) => type)).toEqual(['in', 'terminate']);
    expect(events.at(-1)).toMatchObject({ type: 'terminate', reason: 'shutdown' });
  });

  test('tracing an order to end as terminate', async () => {
    const { ref, events } = await startTraced();
    await stopServer(ref, 'shutdown');
    expect(events).toEqual([{ type: 'terminate', reason: 'shutdown' }]);
  });

  test('tracing a crash as in and terminate', async () => {
    const { ref, events } = await startTraced();
    const boom = new Error('boom');
    const work = () => {
      throw boom;
    };
    await faultOf(call(ref, { type: 'perform', work }));
    expect(events.map(({ type }) => type)).toEqual(['in', 'terminate']);
  });

  test('not tracing requests of sys', async () => {
    const { ref, events } = await startTraced();
    await sys.getState(ref);
    expect(events).toEqual([]);
  });

  test('ending with false', async () => {
    const { ref, events } = await startTraced();
    await sys.trace(ref, false);
    await call(ref, { type: 'read' });
    expect(events).toEqual([]);
  });

  test('printing every event with the logger of the server, where it is given true', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.trace(ref, true);
    await call(ref, { type: 'read' });
    expect(env.logger.lines.map(({ level, message }) => [level, message.split(' ')[0]])).toEqual([
      ['debug', 'in'],
      ['debug', 'out'],
    ]);
  });

  test('removing a tracer that throws, and leaving the server running', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const tracer = vi.fn(() => {
      throw new Error('in the tracer');
    });
    await sys.trace(ref, tracer);
    expect(await call(ref, { type: 'note', text: 'a' })).toEqual(['a']);
    expect(tracer).toHaveBeenCalledTimes(1);
    expect(env.logger.lines).toMatchObject([{ level: 'warn' }]);
  });

  test('counting on while tracing ends', async () => {
    const { ref } = await startTraced();
    await sys.statistics(ref, true);
    await sys.trace(ref, false);
    await call(ref, { type: 'read' });
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 1, messagesOut: 1 });
  });
});

describe('sys: get_status/1,2', () => {
  test('telling name, phase, state and that nothing waits', async () => {
    const ref = await startServer(puppet(), { ...surroundings(), name: 'one' });
    expect(await sys.getStatus(ref)).toEqual({
      server: 'one',
      phase: 'running',
      isSuspended: false,
      queuedMessages: 0,
      unexpectedMessages: 0,
      state: [],
    });
  });

  test('telling that it is suspended, and how many messages wait', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'a' });
    cast(ref, { type: 'note', text: 'b' });
    expect(await sys.getStatus(ref)).toMatchObject({ isSuspended: true, queuedMessages: 2 });
    await sys.resume(ref);
    await settle();
    expect(await sys.getStatus(ref)).toMatchObject({ isSuspended: false, queuedMessages: 0 });
  });

  test('counting messages without a clause since the start', async () => {
    const ref = await startServer(puppet());
    cast(ref, { type: 'unheard_of' } as never);
    info(ref, { type: 'unheard_of' } as never);
    await faultOf(call(ref, { type: 'unheard_of' } as never));
    expect(await sys.getStatus(ref)).toMatchObject({ unexpectedMessages: 3 });
  });
});
