/**
 * Casts, plain messages and planned ones, promise by promise of the manual page gen_server(3):
 * `cast/2`, `Module:handle_cast/2` and `Module:handle_info/2`; `sendAfter` is `erlang:send_after/3`.
 */
import { describe, expect, test, vi } from 'vitest';
import { createActor, fromCallback } from 'xstate';
import {
  call,
  cast,
  info,
  noReply,
  Registry,
  reply,
  sendAfter,
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
} from '../../support/servers.ts';

const tick = { type: 'note', text: 'tick' } as const;

describe('gen_server: cast/2', () => {
  test('returning at once, before the server has served it', async () => {
    const ref = await startServer(puppet());
    const work = gate();
    const slow = (notes: Notes) => work.opened.then(() => noReply([...notes, 'served']));
    expect(cast(ref, { type: 'perform', work: slow })).toBeUndefined();
    work.open();
    expect(await call(ref, { type: 'read' })).toEqual(['served']);
  });

  test('ignoring a server that is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect(() => cast(ref, { type: 'note', text: 'a' })).not.toThrow();
  });

  test('ignoring a name that nobody holds', () => {
    const nobody = new Registry().ref<Puppet>('nobody');
    expect(() => cast(nobody, { type: 'note', text: 'a' })).not.toThrow();
  });

  test('keeping the order of one sender', async () => {
    const ref = await startServer(puppet());
    for (const text of ['a', 'b', 'c']) cast(ref, { type: 'note', text });
    expect(await call(ref, { type: 'read' })).toEqual(['a', 'b', 'c']);
  });

  test('letting a server cast to itself, to be served after the message in service', async () => {
    const ref = await startServer(puppet());
    const answer = call(ref, {
      type: 'perform',
      work: (notes, _from, { self }) => {
        cast(self, { type: 'note', text: 'second' });
        return reply('done', [...notes, 'first']);
      },
    });
    await answer;
    expect(await call(ref, { type: 'read' })).toEqual(['first', 'second']);
  });

  test.each([undefined, 'text', {}])(
    'throwing invalid_option for %o, which has no type',
    async (request) => {
      const ref = await startServer(puppet());
      expect(() => cast(ref, request as never)).toThrow(
        expect.objectContaining({ code: 'invalid_option' }),
      );
    },
  );
});

describe('gen_server: Module:handle_cast/2', () => {
  test('handing over the state, and taking the new one', async () => {
    const ref = await startServer(puppet());
    const work = vi.fn((notes: Notes) => noReply([...notes, 'served']));
    cast(ref, { type: 'perform', work });
    cast(ref, { type: 'perform', work });
    await call(ref, { type: 'read' });
    expect(work.mock.calls.map(([notes]) => notes)).toEqual([[], ['served']]);
  });

  test('ending the server with stop', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: (notes) => stop('shutdown', notes) });
    expect(await end).toBe('shutdown');
  });

  test('logging and counting a cast without a clause, and going on', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    cast(ref, { type: 'unheard_of' } as never);
    expect(await call(ref, { type: 'read' })).toEqual([]);
    expect(env.logger.lines).toMatchObject([{ level: 'warn', fields: { message: 'unheard_of' } }]);
    expect(await sys.getStatus(ref)).toMatchObject({ unexpectedMessages: 1 });
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['a bare state', ['a']],
    ['a reply', reply('to nobody', [])],
  ])('crashing with bad_return_value when it returns %s', async (_what, returned) => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: () => returned as never });
    expect(await end).toMatchObject({ code: 'bad_return_value' });
  });
});

describe('gen_server: Module:handle_info/2', () => {
  test('getting plain messages', async () => {
    const ref = await startServer(puppet());
    info(ref, { type: 'note', text: 'plain' });
    expect(await call(ref, { type: 'read' })).toEqual(['plain']);
  });

  test('getting what XState sends to the actor', async () => {
    const ref = await startServer(puppet());
    ref.actor?.send({ type: 'note', text: 'an event' });
    expect(await call(ref, { type: 'read' })).toEqual(['an event']);
  });

  test('logging a message without a clause, dropping it, and keeping the state', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await call(ref, { type: 'note', text: 'kept' });
    info(ref, { type: 'unheard_of' } as never);
    expect(await call(ref, { type: 'read' })).toEqual(['kept']);
    expect(env.logger.lines).toMatchObject([{ level: 'warn', fields: { message: 'unheard_of' } }]);
  });

  test("getting every message without a clause of its own in the clause '*'", async () => {
    const seen: string[] = [];
    const any = ({ type }: { readonly type: string }, notes: Notes) => {
      seen.push(type);
      return noReply(notes);
    };
    const note = (_message: object, notes: Notes) => noReply(notes);
    const ref = await startServer(puppet({ handleInfo: { perform: note, note, '*': any } }));
    info(ref, { type: 'note', text: 'has a clause' });
    info(ref, { type: 'unheard_of' } as never);
    await call(ref, { type: 'read' });
    expect(seen).toEqual(['unheard_of']);
  });

  test('keeping calls, casts and infos of the same type apart', async () => {
    const handleInfo = {
      perform: (_message: object, notes: Notes) => noReply(notes),
      note: ({ text }: { readonly text: string }, notes: Notes) =>
        noReply([...notes, `info ${text}`]),
    };
    const ref = await startServer(puppet({ handleInfo }));
    cast(ref, { type: 'note', text: 'a' });
    info(ref, { type: 'note', text: 'b' });
    expect(await call(ref, { type: 'note', text: 'c' })).toEqual(['a', 'info b', 'c']);
  });

  test('ending the server with stop', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    info(ref, { type: 'perform', work: (notes) => stop('normal', notes) });
    expect(await end).toBe('normal');
  });

  test('ignoring a server that is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect(() => info(ref, { type: 'note', text: 'a' })).not.toThrow();
  });

  test('sending an event to an actor that is no server', () => {
    const events: unknown[] = [];
    const listener = createActor(
      fromCallback(({ receive }) => receive((event) => events.push(event))),
    ).start();
    info(listener, tick);
    expect(events).toEqual([tick]);
  });
});

describe('erlang: send_after/3', () => {
  test('sending a message once its time has come, and not before', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    sendAfter(ref, tick, 1_000);
    await env.clock.advance(999);
    expect(await call(ref, { type: 'read' })).toEqual([]);
    await env.clock.advance(1);
    expect(await call(ref, { type: 'read' })).toEqual(['tick']);
  });

  test('sending nothing once it was cancelled', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    sendAfter(ref, tick, 1_000).cancel();
    expect(env.clock.allTimers).toBe(0);
    await env.clock.advance(1_000);
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('taking a second cancel, and one that comes too late, as nothing', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const planned = sendAfter(ref, tick, 1_000);
    await env.clock.advance(1_000);
    planned.cancel();
    planned.cancel();
    expect(await call(ref, { type: 'read' })).toEqual(['tick']);
  });

  test('ending with the server that it was for', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), { ...env, name: 'one' });
    sendAfter(ref, tick, 1_000);
    await stopServer(ref);
    expect(env.clock.allTimers).toBe(0);
    expect(remains(env)).toEqual(NOTHING);
  });

  test('not reaching the next server under the name', async () => {
    const env = surroundings();
    const first = await startServer(puppet(), { ...env, name: 'one' });
    sendAfter(first, tick, 1_000);
    await stopServer(first);
    const second = await startServer(puppet(), { ...env, name: 'one' });
    await env.clock.advance(1_000);
    expect(await call(second, { type: 'read' })).toEqual([]);
  });

  test('not keeping the process alive where that is not wanted', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    sendAfter(ref, tick, 1_000, { keepAlive: false });
    expect(env.clock.pendingTimers).toBe(0);
    await env.clock.advance(1_000);
    expect(await call(ref, { type: 'read' })).toEqual(['tick']);
  });

  test('letting a server plan a message to itself', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const work = (notes: Notes, _from: unknown, { self }: { self: typeof ref }) => {
      sendAfter(self, tick, 10);
      return reply('planned', notes);
    };
    await call(ref, { type: 'perform', work });
    await env.clock.advance(10);
    expect(await call(ref, { type: 'read' })).toEqual(['tick']);
  });

  test.each([-1, Number.NaN])('throwing invalid_option for a delay of %d', async (delayMs) => {
    const ref = await startServer(puppet());
    expect(() => sendAfter(ref, tick, delayMs)).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });

  test('waiting in the mailbox of a suspended server', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    await sys.suspend(ref);
    sendAfter(ref, tick, 10);
    await env.clock.advance(10);
    expect(await sys.getState(ref)).toEqual([]);
    await sys.resume(ref);
    await settle();
    expect(await sys.getState(ref)).toEqual(['tick']);
  });

  test('never throwing where nobody could catch it: into a full mailbox', async () => {
    const env = surroundings();
    const ref = await startServer(puppet({ mailboxLimit: 1 }), env);
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'a' });
    sendAfter(ref, tick, 10);
    await env.clock.advance(10);
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('mailbox_full');
  });
});
