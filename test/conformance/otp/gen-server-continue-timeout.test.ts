/**
 * What comes after a callback, promise by promise of the manual page gen_server(3): the members
 * `{continue,_}` and `Timeout` of every callback's result, and `Module:handle_continue/2`.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  continueWith,
  deferReply,
  exit,
  type From,
  info,
  noReply,
  ready,
  rejectWith,
  reply,
  type ServerRef,
  startServer,
  stop,
  stopServer,
  sys,
  timeoutAfter,
} from '../../../src/index.ts';
import {
  endOf,
  faultOf,
  gate,
  type Notes,
  notesOf,
  type Puppet,
  puppet,
  puppetClauses,
  type Surroundings,
  surroundings,
} from '../../support/servers.ts';

const noteNext = (text: string) => continueWith({ type: 'note', text });

describe('gen_server: {continue,_} and Module:handle_continue/2', () => {
  test('continuing after init before any message, those that were sent during init included', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({
      init: () => init.opened.then(() => ready<Notes>(['init'], noteNext('continued'))),
    });
    const start = startServer(slow, { ...env, name: 'one' });
    cast(env.registry.ref<Puppet>('one'), { type: 'note', text: 'sent during init' });
    init.open();
    expect(await call(await start, { type: 'read' })).toEqual([
      'init',
      'continued',
      'sent during init',
    ]);
  });

  test('not holding up the start: an async continuation runs after it', async () => {
    const work = gate();
    const slow = (notes: Notes) => work.opened.then(() => noReply([...notes, 'continued']));
    const init = () => ready<Notes>([], continueWith({ type: 'perform', work: slow }));
    const ref = await startServer(puppet({ init }));
    work.open();
    expect(await call(ref, { type: 'read' })).toEqual(['continued']);
  });

  test.each<[string, (ref: ServerRef<Puppet>) => unknown]>([
    [
      'call',
      (ref) =>
        call(ref, {
          type: 'perform',
          work: (notes) => reply('done', [...notes, 'call'], noteNext('continued')),
        }),
    ],
    [
      'call that is answered later',
      (ref) =>
        call(ref, {
          type: 'perform',
          work: (notes, from) => deferReply(from, [...notes, 'call'], noteNext('continued')),
        }).catch(() => {}),
    ],
    [
      'call that is rejected',
      (ref) =>
        call(ref, {
          type: 'perform',
          work: (notes) => rejectWith(new Error('no'), [...notes, 'call'], noteNext('continued')),
        }).catch(() => {}),
    ],
    [
      'cast',
      (ref) =>
        cast(ref, {
          type: 'perform',
          work: (notes) => noReply([...notes, 'call'], noteNext('continued')),
        }),
    ],
    [
      'info',
      (ref) =>
        info(ref, {
          type: 'perform',
          work: (notes) => noReply([...notes, 'call'], noteNext('continued')),
        }),
    ],
  ])('continuing a %s before the messages that wait', async (_sort, send) => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    send(ref);
    const waiting = call(ref, { type: 'note', text: 'waited' });
    await sys.resume(ref);
    expect(await waiting).toEqual(['call', 'continued', 'waited']);
    await stopServer(ref);
  });

  test('sending the reply before the continuation runs', async () => {
    const ref = await startServer(puppet());
    const rest = gate();
    const slow = (notes: Notes) => rest.opened.then(() => noReply([...notes, 'continued']));
    const work = (notes: Notes) =>
      reply('early', notes, continueWith({ type: 'perform', work: slow }));
    expect(await call(ref, { type: 'perform', work })).toBe('early');
    rest.open();
    expect(await call(ref, { type: 'read' })).toEqual(['continued']);
  });

  test('splitting work in steps: a continuation may continue', async () => {
    const ref = await startServer(puppet());
    const first = (notes: Notes) => noReply([...notes, 'first'], noteNext('second'));
    await sys.suspend(ref);
    cast(ref, {
      type: 'perform',
      work: (notes) => noReply(notes, continueWith({ type: 'perform', work: first })),
    });
    const waiting = call(ref, { type: 'note', text: 'waited' });
    await sys.resume(ref);
    expect(await waiting).toEqual(['first', 'second', 'waited']);
  });

  test('continuing before an order to end', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    const work = (notes: Notes) => {
      exit(ref, 'shutdown');
      return noReply([...notes, 'cast'], noteNext('continued'));
    };
    cast(ref, { type: 'perform', work });
    await end;
    expect(terminate).toHaveBeenCalledWith('shutdown', ['cast', 'continued'], expect.anything());
  });

  test('ending the server with stop', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    const work = (notes: Notes) => stop('shutdown', notes);
    cast(ref, {
      type: 'perform',
      work: (notes) => noReply(notes, continueWith({ type: 'perform', work })),
    });
    expect(await end).toBe('shutdown');
  });

  test('crashing when there is no clause for the continuation', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    cast(ref, {
      type: 'perform',
      work: (notes) => noReply(notes, continueWith({ type: 'unheard_of' })),
    });
    expect(await end).toBeInstanceOf(Error);
    expect(terminate).toHaveBeenCalledTimes(1);
  });
});

describe('gen_server: Timeout', () => {
  const timeout = (_message: object, notes: Notes) => noReply([...notes, 'timeout']);
  const handleInfo = { ...puppetClauses, timeout };
  const idler = { handleInfo } as const;

  /** A server that times out when it has been idle for 100 ms after its start. */
  async function startIdler() {
    const env = surroundings();
    const init = () => ready<Notes>([], timeoutAfter(100));
    const ref = await startServer(puppet({ ...idler, init }), env);
    return { env, ref };
  }

  const statesAfter = async ({ clock }: Surroundings, ref: ServerRef<Puppet>, ms: number) => {
    await clock.advance(ms);
    return call(ref, { type: 'read' });
  };

  test('getting the info timeout when no message came in time', async () => {
    const { env, ref } = await startIdler();
    expect(await statesAfter(env, ref, 100)).toEqual(['timeout']);
  });

  test('not getting it before its time', async () => {
    const { env, ref } = await startIdler();
    await env.clock.advance(99);
    expect(notesOf(ref)).toEqual([]);
  });

  test.each<[string, (ref: ServerRef<Puppet>) => unknown]>([
    ['call', (ref) => call(ref, { type: 'read' })],
    ['cast', (ref) => cast(ref, { type: 'note', text: 'cast' })],
    ['info', (ref) => info(ref, { type: 'note', text: 'info' })],
    ['unknown message', (ref) => info(ref, { type: 'unheard_of' } as never)],
  ])('not getting it when a %s came in time', async (_sort, send) => {
    const { env, ref } = await startIdler();
    await env.clock.advance(99);
    await send(ref);
    expect(await statesAfter(env, ref, 1_000)).not.toContain('timeout');
    expect(env.clock.pendingTimers).toBe(0);
  });

  test.each<[string, (ref: ServerRef<Puppet>) => unknown]>([
    [
      'reply',
      (ref) =>
        call(ref, { type: 'perform', work: (notes) => reply('done', notes, timeoutAfter(50)) }),
    ],
    [
      'deferReply',
      (ref) =>
        call(ref, {
          type: 'perform',
          work: (notes: Notes, from: From<unknown>) => deferReply(from, notes, timeoutAfter(50)),
        }).catch(() => {}),
    ],
    [
      'noReply to a cast',
      (ref) => cast(ref, { type: 'perform', work: (notes) => noReply(notes, timeoutAfter(50)) }),
    ],
    [
      'noReply to an info',
      (ref) => info(ref, { type: 'perform', work: (notes) => noReply(notes, timeoutAfter(50)) }),
    ],
    [
      'noReply to a continuation',
      (ref) => {
        const work = (notes: Notes) => noReply(notes, timeoutAfter(50));
        cast(ref, {
          type: 'perform',
          work: (notes) => noReply(notes, continueWith({ type: 'perform', work })),
        });
      },
    ],
  ])('timing out after %s', async (_answer, send) => {
    const env = surroundings();
    const ref = await startServer(puppet(idler), env);
    void send(ref);
    await env.clock.advance(49);
    expect(notesOf(ref)).toEqual([]);
    await env.clock.advance(1);
    expect(notesOf(ref)).toEqual(['timeout']);
    await stopServer(ref);
  });

  test('timing out once, not again and again', async () => {
    const { env, ref } = await startIdler();
    expect(await statesAfter(env, ref, 1_000)).toEqual(['timeout']);
  });

  test('taking the latest time-out, not an earlier one', async () => {
    const { env, ref } = await startIdler();
    await call(ref, { type: 'perform', work: (notes) => reply(0, notes, timeoutAfter(500)) });
    await env.clock.advance(499);
    expect(notesOf(ref)).toEqual([]);
    await env.clock.advance(1);
    expect(notesOf(ref)).toEqual(['timeout']);
  });

  test('timing out at once with 0, but after what waits already', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(idler), env);
    await sys.suspend(ref);
    cast(ref, { type: 'perform', work: (notes) => noReply([...notes, 'a'], timeoutAfter(0)) });
    cast(ref, { type: 'perform', work: (notes) => noReply([...notes, 'b'], timeoutAfter(0)) });
    await sys.resume(ref);
    expect(await statesAfter(env, ref, 0)).toEqual(['a', 'b', 'timeout']);
  });

  test('never timing out with Infinity', async () => {
    const env = surroundings();
    const init = () => ready<Notes>([], timeoutAfter(Infinity));
    const ref = await startServer(puppet({ ...idler, init }), env);
    expect(env.clock.allTimers).toBe(0);
    expect(await statesAfter(env, ref, 1e12)).toEqual([]);
  });

  test('still timing out after a sys request, which is no message to the server', async () => {
    const { env, ref } = await startIdler();
    await sys.getState(ref);
    expect(await statesAfter(env, ref, 100)).toEqual(['timeout']);
  });

  test('still timing out in a server with handleReplies', async () => {
    const env = surroundings();
    const hooked = puppet({ ...idler, handleReplies: (_replies, notes) => noReply(notes) });
    const ref = await startServer(hooked, env);
    await call(ref, { type: 'perform', work: (notes) => reply(0, notes, timeoutAfter(50)) });
    expect(await statesAfter(env, ref, 50)).toEqual(['timeout']);
  });

  test('logging a time-out that no clause is there for', async () => {
    const env = surroundings();
    await startServer(puppet({ init: () => ready<Notes>([], timeoutAfter(100)) }), env);
    await env.clock.advance(100);
    expect(env.logger.lines).toMatchObject([{ level: 'warn', fields: { message: 'timeout' } }]);
  });

  test('leaving no timer when the server ends', async () => {
    const { env, ref } = await startIdler();
    await stopServer(ref);
    expect(env.clock.allTimers).toBe(0);
  });

  test('leaving no timer when the server is killed', async () => {
    const { env, ref } = await startIdler();
    exit(ref, 'kill');
    expect(env.clock.allTimers).toBe(0);
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('noproc');
  });
});
