/**
 * Starting a server and its `init`, promise by promise of the manual page gen_server(3):
 * `start/3,4`, the types `server_name()`, `start_opt()` and `start_ret()`, and `Module:init/1`.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  exit,
  fromGenServer,
  type GenServerDefinition,
  ignore,
  link,
  localRegistry,
  ready,
  reply,
  SlotkeeperError,
  sendAfter,
  startServer,
  stop,
  stopServer,
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

interface Greeter {
  input: { readonly greeting: string };
  state: { readonly greeting: string };
  calls: { greet(request: { readonly name: string }): string };
}

const greeter = fromGenServer<Greeter>({
  init: ({ greeting }) => ready({ greeting }),
  handleCall: {
    greet: ({ name }, state) => reply(`${state.greeting}, ${name}`, state),
  },
});

describe('gen_server: start/3,4', () => {
  test('handing the input to init, whose state it serves with', async () => {
    const ref = await startServer(greeter, { input: { greeting: 'Hello' } });
    expect(await call(ref, { type: 'greet', name: 'Joe' })).toBe('Hello, Joe');
  });

  test('not returning before an async init has returned', async () => {
    const init = gate();
    const start = startServer(puppet({ init: () => init.opened.then(() => ready([])) }));
    const started = watch(start);
    await settle();
    expect(started.isSettled).toBe(false);
    init.open();
    expect(await call(await start, { type: 'read' })).toEqual([]);
  });

  test('leaving nothing behind once it was stopped', async () => {
    const env = surroundings();
    const ref = await startServer(puppet(), { ...env, name: 'one' });
    await call(ref, { type: 'note', text: 'a' });
    await stopServer(ref);
    expect(remains(env)).toEqual(NOTHING);
  });
});

describe('gen_server: server_name() and {error,{already_started,_}}', () => {
  test('registering the name before init runs', async () => {
    const env = surroundings();
    const held: string[][] = [];
    const init = () => {
      held.push(env.registry.names());
      return ready<Notes>([]);
    };
    await startServer(puppet({ init }), { ...env, name: 'one' });
    expect(held).toEqual([['one']]);
  });

  test('reaching a server by its name', async () => {
    const env = surroundings();
    await startServer(puppet(), { ...env, name: 'one' });
    const byName = env.registry.ref<Puppet>('one');
    expect(await call(byName, { type: 'note', text: 'a' })).toEqual(['a']);
  });

  test('refusing an empty name with invalid_option', async () => {
    const env = surroundings();
    expect((await faultOf(startServer(puppet(), { ...env, name: '' }))).code).toBe(
      'invalid_option',
    );
    expect(env.registry.names()).toEqual([]);
  });

  test('registering nothing for a server without a name', async () => {
    const env = surroundings();
    await startServer(puppet(), env);
    expect(env.registry.names()).toEqual([]);
  });

  test('registering locally for the thread when no registry is given', async () => {
    const ref = await startServer(puppet(), { name: 'conformance start local' });
    expect(localRegistry.whereis('conformance start local')?.actor).toBe(ref.actor);
    await stopServer(ref);
    expect(localRegistry.whereis('conformance start local')).toBeUndefined();
  });

  test('refusing a second start under a name with already_started and the first holder', async () => {
    const env = surroundings();
    const first = await startServer(puppet(), { ...env, name: 'one' });
    const fault = await faultOf(startServer(puppet(), { ...env, name: 'one' }));
    expect(fault.code).toBe('already_started');
    expect(fault.details).toMatchObject({ name: 'one', ref: { actor: first.actor } });
  });

  test('not running init of the second, nor disturbing the first', async () => {
    const env = surroundings();
    const init = vi.fn(() => ready<Notes>([]));
    const first = await startServer(puppet(), { ...env, name: 'one' });
    await faultOf(startServer(puppet({ init }), { ...env, name: 'one' }));
    expect(init).not.toHaveBeenCalled();
    expect(await call(first, { type: 'read' })).toEqual([]);
  });

  test('refusing a second start while init of the first still runs', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready([])) });
    const first = startServer(slow, { ...env, name: 'one' });
    const fault = await faultOf(startServer(puppet(), { ...env, name: 'one' }));
    expect(fault.code).toBe('already_started');
    init.open();
    await first;
  });

  test('starting anew under a name that was freed', async () => {
    const env = surroundings();
    await stopServer(await startServer(puppet(), { ...env, name: 'one' }));
    const second = await startServer(puppet(), { ...env, name: 'one' });
    expect(await call(second, { type: 'read' })).toEqual([]);
  });

  test('serving what was sent by name while init ran, in order, once it has succeeded', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready(['init'])) });
    const start = startServer(slow, { ...env, name: 'one' });
    const byName = env.registry.ref<Puppet>('one');
    cast(byName, { type: 'note', text: 'a' });
    const answer = call(byName, { type: 'note', text: 'b' });
    init.open();
    await start;
    expect(await answer).toEqual(['init', 'a', 'b']);
  });
});

describe('gen_server: start_opt() {timeout,_}', () => {
  test('rejecting with start_timeout when init takes longer', async () => {
    const env = surroundings();
    const hanging = puppet({ init: () => new Promise<never>(() => {}) });
    const fault = faultOf(startServer(hanging, { ...env, name: 'one', startTimeoutMs: 100 }));
    await env.clock.advance(100);
    expect((await fault).code).toBe('start_timeout');
  });

  test('ending the server that took too long, without terminate', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    const hanging = puppet({ init: () => new Promise<never>(() => {}), terminate });
    const fault = faultOf(startServer(hanging, { ...env, name: 'one', startTimeoutMs: 100 }));
    await env.clock.advance(100);
    await fault;
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('ignoring what init answers after its time', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready([])) });
    const fault = faultOf(startServer(slow, { ...env, name: 'one', startTimeoutMs: 100 }));
    await env.clock.advance(100);
    await fault;
    init.open();
    await settle();
    expect(env.registry.names()).toEqual([]);
  });

  test('leaving no timer when init was in time', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready([])) });
    const start = startServer(slow, { ...env, startTimeoutMs: 100 });
    init.open();
    await start;
    expect(env.clock.allTimers).toBe(0);
  });

  test('waiting for ever by default', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready([])) });
    const start = startServer(slow, env);
    const started = watch(start);
    await env.clock.advance(1e12);
    expect(started.isSettled).toBe(false);
    init.open();
    await start;
  });

  test.each([-1, Number.NaN])('refusing startTimeoutMs %d with invalid_option', async (given) => {
    const env = surroundings();
    const fault = faultOf(startServer(puppet(), { ...env, name: 'one', startTimeoutMs: given }));
    expect((await fault).code).toBe('invalid_option');
    expect(env.registry.names()).toEqual([]);
  });
});

describe('gen_server: start_ret() ignore', () => {
  test('rejecting with start_ignored when init answers ignore', async () => {
    const fault = await faultOf(startServer(puppet({ init: () => ignore() }), surroundings()));
    expect(fault.code).toBe('start_ignored');
  });

  test('freeing the name and not running terminate', async () => {
    const env = surroundings();
    const terminate = vi.fn();
    await faultOf(
      startServer(puppet({ init: () => ignore(), terminate }), { ...env, name: 'one' }),
    );
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('reporting no error', async () => {
    const env = surroundings();
    await faultOf(startServer(puppet({ init: () => ignore() }), env));
    expect(env.logger.lines).toEqual([]);
  });
});

describe('gen_server: start_ret() {error,Reason}', () => {
  const boom = new Error('boom');

  test('rejecting with start_failed and the reason that init stopped with', async () => {
    const fault = await faultOf(startServer(puppet({ init: () => stop<Notes>(boom) })));
    expect(fault.code).toBe('start_failed');
    expect(fault.cause).toBe(boom);
  });

  test('telling an orderly reason that init stopped with', async () => {
    const fault = await faultOf(startServer(puppet({ init: () => stop<Notes>('shutdown') })));
    expect(fault).toMatchObject({ code: 'start_failed', details: { reason: 'shutdown' } });
  });

  test.each([
    ['throws', () => Promise.resolve().then(() => Promise.reject(boom))],
    ['stops', () => stop(boom)],
    [
      'throws at once',
      () => {
        throw boom;
      },
    ],
  ])('not running terminate, and freeing the name, when init %s', async (_how, init) => {
    const env = surroundings();
    const terminate = vi.fn();
    const fault = await faultOf(startServer(puppet({ init, terminate }), { ...env, name: 'one' }));
    expect(fault).toMatchObject({ code: 'start_failed', cause: boom });
    expect(terminate).not.toHaveBeenCalled();
    expect(remains(env)).toEqual(NOTHING);
  });

  test('making an Error of a thrown value that is none', async () => {
    const init = () => {
      throw 'only text';
    };
    const fault = await faultOf(startServer(puppet({ init })));
    expect(fault.cause).toMatchObject({ code: 'thrown_value', cause: 'only text' });
  });

  test.each([
    ['undefined', undefined],
    ['a bare state', []],
    ['a reply', reply(1, [])],
  ])('failing with bad_return_value when init returns %s', async (_what, returned) => {
    const fault = await faultOf(startServer(puppet({ init: () => returned as never })));
    expect(fault.code).toBe('start_failed');
    expect(fault.cause).toMatchObject({ code: 'bad_return_value' });
  });

  test('rejecting the callers who wait for an init that fails', async () => {
    const env = surroundings();
    const init = gate<never>();
    const start = faultOf(
      startServer(puppet({ init: () => init.opened }), { ...env, name: 'one' }),
    );
    const caller = faultOf(call(env.registry.ref<Puppet>('one'), { type: 'read' }));
    init.fail(boom);
    await start;
    expect((await caller).code).toBe('noproc');
    expect(remains(env)).toEqual(NOTHING);
  });
});

describe('gen_server: Module:init/1', () => {
  test('running init once, with the clock and the logger of the server', async () => {
    const env = surroundings();
    const init = vi.fn(() => ready<Notes>([]));
    await startServer(puppet({ init }), env);
    const { clock, logger } = env;
    expect(init.mock.calls).toEqual([[undefined, expect.objectContaining({ clock, logger })]]);
  });

  test('serving after init what init has sent to itself', async () => {
    const ref = await startServer(
      puppet({
        init: (_input, { self }) => {
          cast(self, { type: 'note', text: 'sent by init' });
          return ready<Notes>([]);
        },
      }),
    );
    expect(await call(ref, { type: 'read' })).toEqual(['sent by init']);
  });

  test('refusing a call to itself in init with calling_self', async () => {
    const faults: unknown[] = [];
    const init: GenServerDefinition<Puppet>['init'] = (_input, { self }) => {
      call(self, { type: 'read' }).catch((fault) => faults.push(fault));
      return ready([]);
    };
    await startServer(puppet({ init }));
    await settle();
    expect(faults).toMatchObject([{ code: 'calling_self' }]);
  });

  test('planning in init a message to itself, on its own clock', async () => {
    const env = surroundings();
    const ref = await startServer(
      puppet({
        init: (_input, { self }) => {
          sendAfter(self, { type: 'note', text: 'tick' }, 1_000);
          return ready<Notes>([]);
        },
      }),
      env,
    );
    await env.clock.advance(1_000);
    expect(await call(ref, { type: 'read' })).toEqual(['tick']);
  });

  test('linking itself in init to a server that runs', async () => {
    const other = await startServer(puppet());
    const init: GenServerDefinition<Puppet>['init'] = (_input, { self }) => {
      link(self, other);
      return ready([]);
    };
    const ref = await startServer(puppet({ init }));
    const end = endOf(ref);
    await stopServer(other, 'shutdown');
    expect(await end).toBe('shutdown');
  });

  test('telling a monitor that was set while init ran why the server ended', async () => {
    const env = surroundings();
    const init = gate();
    const slow = puppet({ init: () => init.opened.then(() => ready([])) });
    const start = startServer(slow, { ...env, name: 'one' });
    const end = endOf(env.registry.ref('one'));
    init.open();
    await stopServer(await start, 'shutdown');
    expect(await end).toBe('shutdown');
  });

  test('ending a server by kill while its init runs', async () => {
    const env = surroundings();
    const hanging = puppet({ init: () => new Promise<never>(() => {}) });
    const start = startServer(hanging, { ...env, name: 'one', startTimeoutMs: 60_000 });
    const fault = faultOf(start);
    exit(env.registry.ref('one'), 'kill');
    await env.clock.advance(1);
    expect(env.registry.names()).toEqual([]);
    await env.clock.advance(60_000);
    expect(await fault).toBeInstanceOf(SlotkeeperError);
  });
});
