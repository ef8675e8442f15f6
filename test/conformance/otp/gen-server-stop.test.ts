/**
 * The end of a server, promise by promise of the manual page gen_server(3): `stop/1,3`,
 * `Module:terminate/2`, and what exit signals, links and monitors do with a server.
 *
 * What differs from OTP: `terminate` runs for every end but `kill`, also without trapping exits.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  continueWith,
  deferReply,
  type ExitReason,
  exit,
  type From,
  info,
  link,
  monitor,
  noReply,
  replyTo,
  type ServerRef,
  startServer,
  stop,
  stopServer,
  sys,
  unlink,
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
  watch,
} from '../../support/servers.ts';

const boom = new Error('boom');
const ORDERLY: ExitReason[] = ['normal', 'shutdown', { shutdown: 'idle' }];

/** A server that traps exits and notes them. */
const trapper = puppet({
  trapExit: true,
  handleInfo: {
    ...puppetClauses,
    exit: ({ from, reason }, notes) => noReply([...notes, `${String(reason)} from ${from}`]),
  },
});

describe('gen_server: stop/1,3', () => {
  test('ending the server with the reason normal by default', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    await stopServer(ref);
    expect(await end).toBe('normal');
  });

  test.each<ExitReason>([...ORDERLY, boom])(
    'ending the server with the reason %s',
    async (reason) => {
      const ref = await startServer(puppet());
      const end = endOf(ref);
      await stopServer(ref, reason);
      expect(await end).toBe(reason);
    },
  );

  test('returning only when terminate has ended', async () => {
    const cleanup = gate();
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }));
    const stopped = stopServer(ref);
    const waiting = watch(stopped);
    await settle();
    expect(waiting.isSettled).toBe(false);
    cleanup.open();
    await stopped;
    expect((await faultOf(call(ref, { type: 'read' }))).code).toBe('noproc');
  });

  test('waiting for the message in service', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const work = gate();
    const slow = (notes: Notes) => work.opened.then(() => noReply([...notes, 'served']));
    cast(ref, { type: 'perform', work: slow });
    const stopped = stopServer(ref);
    work.open();
    await stopped;
    expect(terminate).toHaveBeenCalledWith('normal', ['served'], expect.anything());
  });

  test('rejecting with noproc when the server is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect((await faultOf(stopServer(ref))).code).toBe('noproc');
  });

  test('rejecting with stop_timeout when the server has not ended in time', async () => {
    const env = surroundings();
    const ref = await startServer(puppet({ terminate: () => new Promise(() => {}) }), env);
    const fault = faultOf(stopServer(ref, 'normal', 100));
    await env.clock.advance(100);
    expect((await fault).code).toBe('stop_timeout');
    exit(ref, 'kill');
  });

  test('ending after the time-out all the same: the order stands', async () => {
    const env = surroundings();
    const cleanup = gate();
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }), env);
    const end = endOf(ref);
    const fault = faultOf(stopServer(ref, 'shutdown', 100));
    await env.clock.advance(100);
    await fault;
    cleanup.open();
    expect(await end).toBe('shutdown');
    expect(remains(env)).toEqual(NOTHING);
  });

  test('waiting for ever by default, without a timer', async () => {
    const env = surroundings();
    const cleanup = gate();
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }), env);
    const stopped = stopServer(ref);
    const waiting = watch(stopped);
    await env.clock.advance(1e12);
    expect(waiting.isSettled).toBe(false);
    cleanup.open();
    await stopped;
  });

  test('rejecting with stopped_otherwise when terminate throws', async () => {
    const ref = await startServer(
      puppet({
        terminate: () => {
          throw boom;
        },
      }),
    );
    expect(await faultOf(stopServer(ref))).toMatchObject({
      code: 'stopped_otherwise',
      cause: boom,
    });
  });

  test('ending a server that traps exits: the order is no signal', async () => {
    const ref = await startServer(trapper);
    const end = endOf(ref);
    await stopServer(ref, 'shutdown');
    expect(await end).toBe('shutdown');
  });

  test('ending a suspended server', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    await sys.suspend(ref);
    await stopServer(ref, 'shutdown');
    expect(terminate).toHaveBeenCalledTimes(1);
  });

  test('holding the name until terminate has ended, and freeing it then', async () => {
    const env = surroundings();
    const cleanup = gate();
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }), {
      ...env,
      name: 'one',
    });
    const stopped = stopServer(ref);
    expect((await faultOf(startServer(puppet(), { ...env, name: 'one' }))).code).toBe(
      'already_started',
    );
    cleanup.open();
    await stopped;
    expect(remains(env)).toEqual(NOTHING);
  });

  test.each([-1, Number.NaN])('refusing timeoutMs %d with invalid_option', async (timeoutMs) => {
    const ref = await startServer(puppet());
    expect((await faultOf(stopServer(ref, 'normal', timeoutMs))).code).toBe('invalid_option');
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test('serving two orders to stop with one end', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const work = gate();
    cast(ref, { type: 'perform', work: (notes) => work.opened.then(() => noReply(notes)) });
    const both = Promise.all([stopServer(ref), stopServer(ref)]);
    work.open();
    await both;
    expect(terminate).toHaveBeenCalledTimes(1);
  });
});

describe('gen_server: stop/3, the error report', () => {
  const errorsOf = (env: ReturnType<typeof surroundings>) =>
    env.logger.lines.filter(({ level }) => level === 'error');

  test.each(ORDERLY)('reporting no error for the reason %s', async (reason) => {
    const env = surroundings();
    await stopServer(await startServer(puppet(), env), reason);
    expect(env.logger.lines).toEqual([]);
  });

  test('reporting an error for any other reason that stop was given', async () => {
    const env = surroundings();
    await stopServer(await startServer(puppet(), env), boom);
    expect(errorsOf(env)).toHaveLength(1);
  });

  test('reporting an error for any other reason that a callback stops with', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: (notes) => stop(boom, notes) });
    await end;
    expect(errorsOf(env)).toHaveLength(1);
  });

  test('reporting a crash once', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), env);
    const end = endOf(ref);
    cast(ref, {
      type: 'perform',
      work: () => {
        throw boom;
      },
    });
    await end;
    expect(errorsOf(env)).toHaveLength(1);
  });
});

describe('gen_server: Module:terminate/2', () => {
  test('getting the reason, the last state and the context', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }), env);
    await call(ref, { type: 'note', text: 'last' });
    await stopServer(ref, 'shutdown');
    const { clock, logger } = env;
    const context = expect.objectContaining({ clock, logger });
    expect(terminate.mock.calls).toEqual([['shutdown', ['last'], context]]);
  });

  test.each<[string, (ref: ServerRef<Puppet>) => unknown]>([
    [
      'call',
      (ref) =>
        call(ref, { type: 'perform', work: (notes) => stop(boom, [...notes, 'new']) }).catch(
          () => {},
        ),
    ],
    [
      'cast',
      (ref) => cast(ref, { type: 'perform', work: (notes) => stop(boom, [...notes, 'new']) }),
    ],
    [
      'info',
      (ref) => info(ref, { type: 'perform', work: (notes) => stop(boom, [...notes, 'new']) }),
    ],
    [
      'continuation',
      (ref) => {
        const work = (notes: Notes) => stop(boom, [...notes, 'new']);
        cast(ref, {
          type: 'perform',
          work: (notes) => noReply(notes, continueWith({ type: 'perform', work })),
        });
      },
    ],
  ])('getting the reason and the state of a stop in a %s', async (_sort, send) => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    void send(ref);
    expect(await end).toBe(boom);
    expect(terminate.mock.calls).toEqual([[boom, ['new'], expect.anything()]]);
  });

  test('ignoring what it returns', async () => {
    const ref = await startServer(puppet({ terminate: () => stop(boom, []) }));
    const end = endOf(ref);
    await stopServer(ref, 'shutdown');
    expect(await end).toBe('shutdown');
  });

  test('being optional', async () => {
    const { terminate: _none, ...callbacks } = { terminate: undefined };
    const ref = await startServer(puppet(callbacks));
    const end = endOf(ref);
    await stopServer(ref, 'shutdown');
    expect(await end).toBe('shutdown');
  });

  test('serving nothing more once it runs', async () => {
    const cleanup = gate();
    const work = vi.fn((notes: Notes) => noReply(notes));
    const ref = await startServer(puppet({ terminate: () => cleanup.opened }));
    const stopped = stopServer(ref);
    cast(ref, { type: 'perform', work });
    cleanup.open();
    await stopped;
    expect(work).not.toHaveBeenCalled();
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
  ])('giving the reason of the end when it %s', async (_how, terminate) => {
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    await faultOf(stopServer(ref));
    expect(await end).toBe(boom);
  });

  test('answering there a call that was left open', async () => {
    const open: From<unknown>[] = [];
    const terminate = () => open.map((from) => replyTo(from, 'last words'));
    const ref = await startServer(puppet({ terminate }));
    const answer = call(ref, {
      type: 'perform',
      work: (notes, from) => {
        open.push(from);
        return deferReply(from, notes);
      },
    });
    await stopServer(ref);
    expect(await answer).toBe('last words');
  });

  test('ending for a kill that it sends to itself', async () => {
    const ref: ServerRef<Puppet> = await startServer(
      puppet({ terminate: (_reason, _notes, { self }) => exit(self, 'kill') }),
    );
    const end = endOf(ref);
    expect((await faultOf(stopServer(ref))).code).toBe('stopped_otherwise');
    expect(await end).toBe('killed');
  });

  test('giving up after 5,000 ms on an async one after a crash', async () => {
    const env = surroundings();
    const hanging = puppet({ terminate: () => new Promise(() => {}) });
    const ref = await startServer(hanging, { ...env, name: 'one' });
    const end = endOf(ref);
    cast(ref, {
      type: 'perform',
      work: () => {
        throw boom;
      },
    });
    await env.clock.advance(5_000);
    expect(await end).toBe(boom);
    expect(remains(env)).toEqual(NOTHING);
  });
});

describe('erlang: exit/2 to a gen_server', () => {
  test('ignoring normal when it does not trap exits', async () => {
    const ref = await startServer(puppet());
    exit(ref, 'normal');
    expect(await call(ref, { type: 'read' })).toEqual([]);
  });

  test.each<ExitReason>(['shutdown', { shutdown: 'idle' }, boom])(
    'ending for %s after terminate when it does not trap exits',
    async (reason) => {
      const terminate = vi.fn();
      const ref = await startServer(puppet({ terminate }));
      const end = endOf(ref);
      exit(ref, reason);
      expect(await end).toBe(reason);
      expect(terminate.mock.calls).toEqual([[reason, [], expect.anything()]]);
    },
  );

  test.each<ExitReason>(['normal', 'shutdown', boom])(
    'getting an info exit for %s when it traps exits',
    async (reason) => {
      const ref = await startServer(trapper);
      exit(ref, reason);
      expect(await call(ref, { type: 'read' })).toEqual([`${String(reason)} from `]);
    },
  );

  test('telling who sent the signal', async () => {
    const ref = await startServer(trapper);
    const sender = await startServer(puppet(), { ...surroundings(), name: 'sender' });
    cast(sender, {
      type: 'perform',
      work: (notes) => {
        exit(ref, 'shutdown');
        return noReply(notes);
      },
    });
    await call(sender, { type: 'read' });
    expect(await call(ref, { type: 'read' })).toEqual(['shutdown from sender']);
  });

  test('logging a trapped signal that no clause is there for, and going on', async () => {
    const env = surroundings();
    const ref = await startServer(puppet({ trapExit: true }), env);
    exit(ref, 'shutdown');
    expect(await call(ref, { type: 'read' })).toEqual([]);
    expect(env.logger.lines).toMatchObject([{ level: 'warn', fields: { message: 'exit' } }]);
  });

  test('ending at once with killed for kill, which cannot be trapped, without terminate', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    const ref = await startServer(puppet({ trapExit: true, terminate }), { ...env, name: 'one' });
    const end = endOf(ref);
    exit(ref, 'kill');
    expect(await end).toBe('killed');
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('ending for kill while terminate runs', async () => {
    const ref = await startServer(puppet({ terminate: () => new Promise(() => {}) }));
    const end = endOf(ref);
    exit(ref, 'shutdown');
    exit(ref, 'kill');
    expect(await end).toBe('killed');
  });

  test('ignoring a target that is gone', async () => {
    const ref = await startServer(puppet());
    await stopServer(ref);
    expect(() => exit(ref, 'shutdown')).not.toThrow();
    expect(() => exit(ref, 'kill')).not.toThrow();
  });

  test('letting a server end itself by a signal', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    cast(ref, {
      type: 'perform',
      work: (notes, { self }) => {
        exit(self, 'shutdown');
        return noReply(notes);
      },
    });
    expect(await end).toBe('shutdown');
  });

  test('letting a server kill itself in a callback, whose answer has no effect', async () => {
    const terminate = vi.fn();
    const ref = await startServer(puppet({ terminate }));
    const end = endOf(ref);
    cast(ref, {
      type: 'perform',
      work: (notes, { self }) => {
        exit(self, 'kill');
        return noReply([...notes, 'after']);
      },
    });
    expect(await end).toBe('killed');
    expect(terminate).not.toHaveBeenCalled();
  });
});

describe('gen_server: exit signals to linked servers', () => {
  test.each<[string, ExitReason]>([
    ['shutdown', 'shutdown'],
    ['an error', boom],
  ])('ending a linked server with %s', async (_what, reason) => {
    const terminate = vi.fn();
    const one = await startServer(puppet());
    const other = await startServer(puppet({ terminate }));
    const end = endOf(other);
    link(one, other);
    await stopServer(one, reason);
    expect(await end).toBe(reason);
    expect(terminate.mock.calls).toEqual([[reason, [], expect.anything()]]);
  });

  test('sending killed, which can be trapped, when the linked server was killed', async () => {
    const one = await startServer(puppet(), { ...surroundings(), name: 'one' });
    const other = await startServer(trapper);
    link(one, other);
    exit(one, 'kill');
    expect(await call(other, { type: 'read' })).toEqual(['killed from one']);
  });

  test('not ending a linked server for normal', async () => {
    const one = await startServer(puppet());
    const other = await startServer(puppet());
    link(one, other);
    await stopServer(one, 'normal');
    expect(await call(other, { type: 'read' })).toEqual([]);
  });

  test('telling normal to a linked server that traps exits', async () => {
    const one = await startServer(puppet(), { ...surroundings(), name: 'one' });
    const other = await startServer(trapper);
    link(other, one);
    await stopServer(one, 'normal');
    expect(await call(other, { type: 'read' })).toEqual(['normal from one']);
  });

  test('sending one signal for two links', async () => {
    const one = await startServer(puppet(), { ...surroundings(), name: 'one' });
    const other = await startServer(trapper);
    link(one, other);
    link(other, one);
    await stopServer(one, 'shutdown');
    expect(await call(other, { type: 'read' })).toEqual(['shutdown from one']);
  });

  test('sending none after unlink', async () => {
    const one = await startServer(puppet());
    const other = await startServer(puppet());
    link(one, other);
    unlink(other, one);
    await stopServer(one, 'shutdown');
    expect(await call(other, { type: 'read' })).toEqual([]);
  });
});

describe('gen_server: start_monitor/3,4', () => {
  test('telling the reason of the end once', async () => {
    const ref = await startServer(puppet(), { ...surroundings(), name: 'one' });
    const told = vi.fn();
    const set = monitor(ref, told);
    await stopServer(ref, 'shutdown');
    await settle();
    expect(told.mock.calls).toEqual([
      [{ type: 'down', monitor: set, server: 'one', reason: 'shutdown' }],
    ]);
  });

  test('telling a server with an info down', async () => {
    const handleInfo = {
      ...puppetClauses,
      down: ({ server }: { readonly server: string }, notes: Notes) => noReply([...notes, server]),
    };
    const watcher = await startServer(puppet({ handleInfo }));
    const ref = await startServer(puppet(), { ...surroundings(), name: 'one' });
    monitor(ref, watcher);
    await stopServer(ref);
    expect(await call(watcher, { type: 'read' })).toEqual(['one']);
  });

  test('telling that it ended only when its name is free and its calls are settled', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), { ...env, name: 'one' });
    const names = new Promise((resolve) => monitor(ref, () => resolve(env.registry.names())));
    await stopServer(ref);
    expect(await names).toEqual([]);
  });
});
