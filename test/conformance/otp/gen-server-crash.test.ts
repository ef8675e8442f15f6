/**
 * Crashes, callback by callback. The manual page gen_server(3): "If a callback function fails or
 * returns a bad value, the gen_server process terminates." So `terminate` runs, whoever waits is told,
 * monitors fire, and nothing is left. Vitest itself fails the run on anything that is left unhandled.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  continueWith,
  deferReply,
  exit,
  info,
  type MessageDropped,
  monitor,
  noReply,
  otpChannels,
  ready,
  reply,
  type ServerRef,
  type ServerTerminated,
  startServer,
  stopServer,
  sys,
  timeoutAfter,
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
  puppetClauses,
  remains,
  surroundings,
} from '../../support/servers.ts';

const boom = new Error('boom');

/** The two ways in which a callback fails. */
const WAYS = {
  'throws at once': (): never => {
    throw boom;
  },
  'is rejected later': (): Promise<never> => Promise.resolve().then(() => Promise.reject(boom)),
};
type Way = keyof typeof WAYS;

const via = {
  handleCall: (ref: ServerRef<Puppet>, work: () => never | Promise<never>) =>
    call(ref, { type: 'perform', work }).catch(() => {}),
  handleCast: (ref: ServerRef<Puppet>, work: () => never | Promise<never>) =>
    cast(ref, { type: 'perform', work }),
  handleInfo: (ref: ServerRef<Puppet>, work: () => never | Promise<never>) =>
    info(ref, { type: 'perform', work }),
  handleContinue: (ref: ServerRef<Puppet>, work: () => never | Promise<never>) =>
    cast(ref, {
      type: 'perform',
      work: (notes) => noReply(notes, continueWith({ type: 'perform', work })),
    }),
};
type Callback = keyof typeof via;

/** XState processes every message of a server that is inspected, and only the news of any other. */
const HOSTS = { 'not inspected': {}, inspected: { inspect: () => {} } };
type Host = keyof typeof HOSTS;

const EVERY_WAY = (Object.keys(via) as Callback[]).flatMap((callback) =>
  (Object.keys(WAYS) as Way[]).flatMap((way) =>
    (Object.keys(HOSTS) as Host[]).map((host): [Callback, Way, Host] => [callback, way, host]),
  ),
);

/** Starts a server whose terminate is spied on. */
async function startSpied(host: Host = 'not inspected') {
  const env = surroundings();
  const terminate = vi.fn();
  const ref = await startServer(puppet({ terminate }), { ...env, ...HOSTS[host], name: 'one' });
  return { env, terminate, ref, end: endOf(ref) };
}

/** What is published on a channel until `stop`. */
function listen<Event>(channel: { readonly name: string | symbol }) {
  const events: Event[] = [];
  const listener = (event: unknown): void => {
    events.push(event as Event);
  };
  subscribe(channel.name, listener);
  return { events, stop: () => unsubscribe(channel.name, listener) };
}

describe.each(EVERY_WAY)('gen_server: a crash, %s %s (%s)', (callback, way, host) => {
  const crash = (ref: ServerRef<Puppet>) => void via[callback](ref, WAYS[way]);

  test('ending with the error, after terminate, which gets it and the last good state', async () => {
    const { ref, terminate, end } = await startSpied(host);
    await call(ref, { type: 'note', text: 'good' });
    crash(ref);
    expect(await end).toBe(boom);
    expect(terminate.mock.calls).toEqual([[boom, ['good'], expect.anything()]]);
  });

  test('rejecting a caller who waits for a deferred reply with server_down and its cause', async () => {
    const { ref } = await startSpied(host);
    const waiting = faultOf(
      call(ref, { type: 'perform', work: (notes, from) => deferReply(from, notes) }),
    );
    crash(ref);
    const fault = await waiting;
    expect(fault.code).toBe('server_down');
    expect(fault.cause).toBe(boom);
  });

  test('rejecting the calls that are queued behind it, none of which is served', async () => {
    const { ref } = await startSpied(host);
    const work = vi.fn((notes: Notes) => reply(0, notes));
    await sys.suspend(ref);
    crash(ref);
    const faults = [1, 2].map(() => faultOf(call(ref, { type: 'perform', work })));
    await sys.resume(ref);
    const causes = (await Promise.all(faults)).map(({ code, cause }) => [code, cause]);
    expect(causes).toEqual([
      ['server_down', boom],
      ['server_down', boom],
    ]);
    expect(work).not.toHaveBeenCalled();
  });

  test('leaving nothing behind: the name is free, no timer is set', async () => {
    const { env, ref, end } = await startSpied(host);
    faultOf(call(ref, { type: 'perform', work: (notes, from) => deferReply(from, notes) }));
    crash(ref);
    await end;
    expect(remains(env)).toEqual(NOTHING);
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('noproc');
  });

  test('reporting the crash once, with the callback and the error', async () => {
    const { env, ref, end } = await startSpied(host);
    crash(ref);
    await end;
    const errors = env.logger.lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ fields: { server: 'one', callback, error: boom } }]);
  });
});

describe.each(Object.keys(WAYS) as Way[])('gen_server: a crash, handleCall %s', (way) => {
  test('rejecting the caller in service with server_down and the error as its cause', async () => {
    const { ref } = await startSpied();
    const fault = await faultOf(call(ref, { type: 'perform', work: WAYS[way] }));
    expect(fault.code).toBe('server_down');
    expect(fault.cause).toBe(boom);
  });
});

describe.each(Object.keys(WAYS) as Way[])('gen_server: a crash, init %s', (way) => {
  test('rejecting the start, without terminate, and leaving nothing behind', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    const broken = puppet({ init: WAYS[way], terminate });
    const fault = await faultOf(startServer(broken, { ...env, name: 'one', startTimeoutMs: 100 }));
    expect(fault).toMatchObject({ code: 'start_failed', cause: boom });
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('reporting the crash with its callback', async () => {
    const env = surroundings();
    await faultOf(startServer(puppet({ init: WAYS[way] }), env));
    expect(env.logger.lines).toMatchObject([{ level: 'error', fields: { callback: 'init' } }]);
  });
});

describe.each(Object.keys(WAYS) as Way[])('gen_server: a crash, terminate %s', (way) => {
  test('making its error the reason of an orderly end, and leaving nothing behind', async () => {
    const env = surroundings();
    const ref = await startServer(puppet({ terminate: WAYS[way] }), { ...env, name: 'one' });
    const end = endOf(ref);
    const fault = await faultOf(stopServer(ref, 'shutdown'));
    expect(fault).toMatchObject({ code: 'stopped_otherwise', cause: boom });
    expect(await end).toBe(boom);
    expect(remains(env)).toEqual(NOTHING);
  });

  test('rejecting who waits with server_down', async () => {
    const ref = await startServer(puppet({ terminate: WAYS[way] }));
    const waiting = faultOf(
      call(ref, { type: 'perform', work: (notes, from) => deferReply(from, notes) }),
    );
    exit(ref, 'shutdown');
    expect(await waiting).toMatchObject({ code: 'server_down', cause: boom });
  });

  test('ending a server that is suspended', async () => {
    const ref = await startServer(puppet({ terminate: WAYS[way] }));
    await sys.suspend(ref);
    const waiting = faultOf(call(ref, { type: 'read' }));
    const end = endOf(ref);
    exit(ref, 'shutdown');
    expect(await end).toBe(boom);
    expect((await waiting).code).toBe('server_down');
  });

  test('ending after a crash of another callback, running terminate once', async () => {
    const terminate = vi.fn(WAYS[way]);
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    const first = new Error('the first crash');
    const work = () => {
      throw first;
    };
    const fault = await faultOf(call(ref, { type: 'perform', work }));
    expect(fault.code).toBe('server_down');
    expect(await end).toBe(boom);
    expect(terminate).toHaveBeenCalledTimes(1);
  });
});

describe.each(Object.keys(WAYS) as Way[])('gen_server: a crash, handleReplies %s', (way) => {
  test('sending none of the answers of its turn', async () => {
    const ref = await startServer(puppet({ turnStart: 'microtask', handleReplies: WAYS[way] }));
    const faults = [1, 2].map(() => faultOf(call(ref, { type: 'read' })));
    const causes = (await Promise.all(faults)).map(({ code, cause }) => [code, cause]);
    expect(causes).toEqual([
      ['server_down', boom],
      ['server_down', boom],
    ]);
  });

  test('running terminate with the state after the turn, and leaving nothing behind', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    const hooked = puppet({ handleReplies: WAYS[way], terminate });
    const ref = await startServer(hooked, { ...env, name: 'one' });
    const end = endOf(ref);
    await faultOf(call(ref, { type: 'note', text: 'in the turn' }));
    expect(await end).toBe(boom);
    expect(terminate.mock.calls).toEqual([[boom, ['in the turn'], expect.anything()]]);
    expect(remains(env)).toEqual(NOTHING);
  });

  test('reporting the crash with its callback', async () => {
    const env = surroundings();
    const ref = await startServer(puppet({ handleReplies: WAYS[way] }), env);
    await faultOf(call(ref, { type: 'read' }));
    expect(env.logger.lines).toMatchObject([
      { level: 'error', fields: { callback: 'handleReplies' } },
    ]);
  });
});

describe('gen_server: a crash, in clauses of the system', () => {
  test.each(Object.keys(WAYS) as Way[])('ending when the clause down %s', async (way) => {
    const watcher = await startServer(
      puppet({ handleInfo: { ...puppetClauses, down: WAYS[way] } }),
    );
    const end = endOf(watcher);
    const ref = await startServer(puppet());
    monitor(ref, watcher);
    await stopServer(ref);
    expect(await end).toBe(boom);
  });

  test.each(Object.keys(WAYS) as Way[])('ending when the clause exit %s', async (way) => {
    const env = surroundings();
    const trapper = puppet({ trapExit: true, handleInfo: { ...puppetClauses, exit: WAYS[way] } });
    const ref = await startServer(trapper, { ...env, name: 'one' });
    const end = endOf(ref);
    exit(ref, 'shutdown');
    expect(await end).toBe(boom);
    expect(remains(env)).toEqual(NOTHING);
  });

  test.each(Object.keys(WAYS) as Way[])('ending when the clause timeout %s', async (way) => {
    const env = surroundings();
    const idler = puppet({
      init: () => ready<Notes>([], timeoutAfter(10)),
      handleInfo: { ...puppetClauses, timeout: WAYS[way] },
    });
    const ref = await startServer(idler, { ...env, name: 'one' });
    const end = endOf(ref);
    await env.clock.advance(10);
    expect(await end).toBe(boom);
    expect(remains(env)).toEqual(NOTHING);
  });
});

describe('gen_server: a crash, what is thrown', () => {
  test.each([['text'], [42], [undefined], [null], [{ some: 'object' }]])(
    'making an Error of %o, which it keeps as the cause',
    async (thrown) => {
      const ref = await startServer(puppet());
      const end = endOf(ref);
      const work = () => {
        throw thrown;
      };
      await faultOf(call(ref, { type: 'perform', work }));
      const reason = await end;
      expect(reason).toMatchObject({ code: 'thrown_value' });
      expect(reason instanceof Error && reason.cause).toBe(thrown);
    },
  );
});

describe('gen_server: kill', () => {
  test('rejecting the caller whose async callback is under way, and ignoring its answer', async () => {
    const { env, ref, terminate } = await startSpied();
    const work = gate();
    const slow = (notes: Notes) => work.opened.then(() => reply('late', notes));
    const fault = faultOf(call(ref, { type: 'perform', work: slow }));
    exit(ref, 'kill');
    expect(await fault).toMatchObject({ code: 'server_down', details: { reason: 'killed' } });
    work.open();
    await settle();
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('ignoring the crash of an async callback that comes after it', async () => {
    const { env, ref, end } = await startSpied();
    const work = gate<never>();
    cast(ref, { type: 'perform', work: () => work.opened });
    exit(ref, 'kill');
    work.fail(boom);
    await settle();
    expect(await end).toBe('killed');
    expect(env.logger.lines).toEqual([]);
  });

  test('ending a suspended server at once', async () => {
    const { env, ref, end } = await startSpied();
    await sys.suspend(ref);
    const fault = faultOf(call(ref, { type: 'read' }));
    exit(ref, 'kill');
    expect(await end).toBe('killed');
    expect((await fault).code).toBe('server_down');
    expect(remains(env)).toEqual(NOTHING);
  });
});

describe('gen_server: the messages that go with a server', () => {
  test('saying how many casts and infos were lost', async () => {
    const { ref } = await startSpied();
    const terminated = listen<ServerTerminated>(otpChannels.server_terminated);
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'a' });
    info(ref, { type: 'note', text: 'b' });
    exit(ref, 'kill');
    terminated.stop();
    expect(terminated.events).toEqual([{ server: 'one', reason: 'killed', droppedMessages: 2 }]);
  });

  test('saying so when a cast is sent to a server that is gone', async () => {
    const { ref } = await startSpied();
    await stopServer(ref);
    const lost = listen<MessageDropped>(otpChannels.message_dropped);
    cast(ref, { type: 'note', text: 'a' });
    lost.stop();
    expect(lost.events).toEqual([{ server: 'one', message: 'note', cause: 'noproc' }]);
  });
});
