/**
 * Promises at their edges: what a first reading of the manual leaves open, each found by breaking the
 * code and seeing no test fail.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, test, vi } from 'vitest';
import {
  call,
  cast,
  continueWith,
  deferReply,
  exit,
  type From,
  fromGenServer,
  info,
  link,
  monitor,
  noReply,
  otpChannels,
  Registry,
  ready,
  reply,
  replyTo,
  restartChild,
  type ServerStarted,
  startChild,
  startServer,
  stopServer,
  supervisor,
  sys,
  terminateChild,
  timeoutAfter,
  whichChildren,
} from '../../../src/index.ts';
import { SimulatedClock, settle } from '../../../src/testing.ts';
import {
  faultOf,
  type Notes,
  notesOf,
  type Puppet,
  puppet,
  puppetClauses,
  surroundings,
} from '../../support/servers.ts';
import { thenable } from '../../support/thenable.ts';
import { endOf, gate, NOTHING, statuses, World } from '../../support/trees.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });
const exceeded = { shutdown: expect.objectContaining({ code: 'restart_intensity_exceeded' }) };
const backoff = { restartBackoff: { initialMs: 100, jitter: 0 } };

describe('gen_server: call/2,3', () => {
  test('keeping the order of casts and calls of one sender while they wait', async () => {
    const ref = await startServer(puppet());
    await sys.suspend(ref);
    cast(ref, { type: 'note', text: 'cast' });
    const answers = ['a', 'b'].map((text) => call(ref, { type: 'note', text }));
    await sys.resume(ref);
    expect(await Promise.all(answers)).toEqual([
      ['cast', 'a'],
      ['cast', 'a', 'b'],
    ]);
  });
});

describe('gen_server: handle_continue/2 and Timeout', () => {
  test('having answered the call when the continuation begins', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes, from: From<unknown>) => {
      const again = (): Notes => (replyTo(from, 'again') ? ['open'] : ['answered']);
      return reply('early', notes, continueWith({ type: 'perform', work: () => noReply(again()) }));
    };
    expect(await call(ref, { type: 'perform', work })).toBe('early');
    expect(notesOf(ref)).toEqual(['answered']);
  });

  test('not getting it when a message came in time to a suspended server', async () => {
    const env = surroundings();
    const timeout = (_message: object, notes: Notes) => noReply([...notes, 'timeout']);
    const init = () => ready<Notes>([], timeoutAfter(100));
    const handleInfo = { ...puppetClauses, timeout };
    const ref = await startServer(puppet({ init, handleInfo }), env);
    await sys.suspend(ref);
    await env.clock.advance(99);
    cast(ref, { type: 'note', text: 'in time' });
    await env.clock.advance(1_000);
    await sys.resume(ref);
    await env.clock.advance(1_000);
    expect(notesOf(ref)).toEqual(['in time']);
  });

  test('not keeping the process alive for a time-out', async () => {
    const env = surroundings();
    await startServer(puppet({ init: () => ready<Notes>([], timeoutAfter(100)) }), env);
    expect([env.clock.allTimers, env.clock.pendingTimers]).toEqual([1, 0]);
  });

  test('losing no time-out while terminate runs', async () => {
    const env = surroundings();
    const cleanup = gate();
    const init = () => ready<Notes>([], timeoutAfter(100));
    const ref = await startServer(puppet({ init, terminate: () => cleanup.opened }), env);
    const stopping = stopServer(ref);
    await env.clock.advance(200);
    cleanup.open();
    await stopping;
    expect(env.logger.lines).toEqual([]);
  });
});

describe('gen_server: stop/3 and terminate/2', () => {
  test('telling that it ended only when its calls are settled', async () => {
    const ref = await startServer(puppet());
    const asked: From<unknown>[] = [];
    const work = (notes: Notes, from: From<unknown>) => {
      asked.push(from);
      return deferReply(from, notes);
    };
    const fault = faultOf(call(ref, { type: 'perform', work }));
    const isOpen = new Promise((resolve) => {
      monitor(ref, () => resolve(asked.some((from) => replyTo(from, 'too late'))));
    });
    await stopServer(ref);
    expect(await isOpen).toBe(false);
    expect((await fault).code).toBe('server_down');
  });

  test('rejecting the call in whose callback a server kills itself, whatever it answers', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) => {
      exit(ref, 'kill');
      return reply('no effect', notes);
    };
    const fault = await faultOf(call(ref, { type: 'perform', work }));
    expect(fault).toMatchObject({ code: 'server_down', details: { reason: 'killed' } });
  });

  test('rejecting with noproc when the actor is gone', async () => {
    const ref = await startServer(puppet());
    const actor = ref.actor as never;
    await stopServer(ref);
    await expect(stopServer(actor)).rejects.toThrow(code('noproc'));
  });

  test('publishing one end of a server that kills itself in a callback', async () => {
    const ended: unknown[] = [];
    const listener = (event: unknown) => ended.push(event);
    subscribe(otpChannels.server_terminated.name, listener);
    const ref = await startServer(puppet());
    const work = (notes: Notes) => {
      exit(ref, 'kill');
      return noReply(notes);
    };
    cast(ref, { type: 'perform', work });
    await settle();
    unsubscribe(otpChannels.server_terminated.name, listener);
    expect(ended).toEqual([{ server: 'server', reason: 'killed', droppedMessages: 0 }]);
  });

  test('keeping the reason of an end when its actor is killed afterwards', async () => {
    const ref = await startServer(puppet());
    const actor = ref.actor as never;
    await stopServer(ref, 'shutdown');
    exit(actor, 'kill');
    expect((actor as { getSnapshot(): unknown }).getSnapshot()).toMatchObject({
      status: 'done',
      output: 'shutdown',
    });
    const told: unknown[] = [];
    monitor(actor, ({ reason }) => told.push(reason));
    await settle();
    expect(told).toEqual(['noproc']);
  });
});

describe('contract: turns and their hook', () => {
  test('taking the first answer of a thenable that answers twice', async () => {
    const ref = await startServer(puppet());
    const work = (notes: Notes) =>
      thenable((resolve) => {
        queueMicrotask(() => resolve(noReply([...notes, 'first'])));
        queueMicrotask(() => resolve(noReply([...notes, 'second'])));
      });
    cast(ref, { type: 'perform', work: work as never });
    await settle();
    expect(await call(ref, { type: 'read' })).toEqual(['first']);
  });

  test('letting an answer out that terminate gives', async () => {
    const asked: From<unknown>[] = [];
    const handleReplies = (_replies: readonly unknown[], notes: Notes) => noReply(notes);
    const terminate = () => asked.map((from) => replyTo(from, 'goodbye'));
    const ref = await startServer(puppet({ handleReplies, terminate }));
    const answer = call(ref, {
      type: 'perform',
      work: (notes, from) => {
        asked.push(from);
        return deferReply(from, notes);
      },
    });
    await settle();
    await stopServer(ref);
    expect(await answer).toBe('goodbye');
  });

  test('continuing after handleReplies', async () => {
    const handleReplies = (replies: readonly unknown[], notes: Notes) =>
      replies.length > 0
        ? noReply(notes, continueWith({ type: 'note', text: 'continued' }))
        : noReply(notes);
    const ref = await startServer(puppet({ handleReplies }));
    await call(ref, { type: 'note', text: 'a' });
    await settle();
    expect(notesOf(ref)).toEqual(['a', 'continued']);
  });

  test('not showing the answer to a call that timed out in service', async () => {
    const env = surroundings();
    const seen: number[] = [];
    const handleReplies = (replies: readonly unknown[], notes: Notes) => {
      seen.push(replies.length);
      return noReply(notes);
    };
    const work = gate();
    const ref = await startServer(puppet({ handleReplies }), env);
    const slow = (notes: Notes) => work.opened.then(() => reply('late', notes));
    const fault = faultOf(call(ref, { type: 'perform', work: slow }, { timeoutMs: 10 }));
    await env.clock.advance(10);
    expect((await fault).code).toBe('call_timeout');
    work.open();
    await settle();
    expect(seen).toEqual([0]);
  });
});

describe('sys: statistics/2', () => {
  test('going on with its counts when it is enabled again', async () => {
    const ref = await startServer(puppet(), surroundings());
    await sys.statistics(ref, true);
    await call(ref, { type: 'read' });
    await sys.statistics(ref, true);
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 1, messagesOut: 1 });
  });

  test('beginning at zero when it is enabled anew while tracing goes on', async () => {
    const ref = await startServer(puppet());
    await sys.trace(ref, () => {});
    await sys.statistics(ref, true);
    await call(ref, { type: 'read' });
    await sys.statistics(ref, false);
    await sys.statistics(ref, true);
    expect(await sys.statistics(ref, 'get')).toMatchObject({ messagesIn: 0, messagesOut: 0 });
  });
});

describe('supervisor: restart intensity and period', () => {
  test('letting the period slide, not begin anew', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 2, withinMs: 1_000 },
    });
    const end = endOf(top);
    await world.crash('a');
    await world.clock.advance(900);
    await world.crash('a');
    await world.clock.advance(200);
    await world.crash('a');
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
    await world.clock.advance(100);
    await world.crash('a');
    expect(await end).toEqual(exceeded);
  });

  test('beginning with a clean history in a restarted supervisor', async () => {
    const world = new World();
    const low = supervisor({
      restartIntensity: { restarts: 1, withinMs: 1_000 },
      children: [world.worker('a')],
    });
    const top = await world.supervise([{ id: 'low', logic: low }, world.worker('b')], {
      restartIntensity: { restarts: 1, withinMs: 1_000 },
    });
    for (let crash = 0; crash < 3; crash += 1) await world.crash('a');
    expect(statuses(await whichChildren(top))).toEqual(['low running', 'b running']);
    expect(world.news()).toEqual(Array(3).fill(['a terminated crash', 'a started']).flat());
  });

  test('refusing the callers of a child that is given up while its siblings still stop', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise(
      [world.worker('a'), world.worker('b', { onTerminate: () => opened })],
      { restartIntensity: { restarts: 0, withinMs: 1_000 } },
    );
    const end = endOf(top);
    await world.crash('a');
    await expect(call(world.ref('a'), { type: 'whoami' }, { timeoutMs: 0 })).rejects.toThrow(
      code('noproc'),
    );
    open();
    await end;
  });
});

describe('supervisor: automatic shutdown, any_significant', () => {
  test('shutting down although other significant children still run', async () => {
    const world = new World();
    const significant = { restart: 'transient', significant: true } as const;
    const top = await world.supervise(
      [world.worker('a', significant), world.worker('b', significant)],
      { autoShutdown: 'any_significant' },
    );
    const end = endOf(top);
    await world.finish('b', 'normal');
    expect(world.news()).toEqual(['b terminated normal', 'a terminated shutdown']);
    expect(await end).toBe('shutdown');
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: child specification, shutdown', () => {
  test('waiting for ever under infinity', async () => {
    const world = new World();
    const { opened, open } = gate();
    const top = await world.supervise([
      world.worker('a', { onTerminate: () => opened, shutdown: 'infinity' }),
    ]);
    const end = endOf(world.ref('a'));
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(365 * 24 * 3_600_000);
    expect(world.news()).toEqual(['a stopping']);
    expect(world.left().running).toEqual(['top', 'a']);
    open();
    await stopping;
    expect(await end).toBe('shutdown');
    expect(world.news()).toEqual(['a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: start_child and terminate_child', () => {
  test('refusing an id whose child is about to be restarted, and naming that child', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], backoff);
    await world.crash('a');
    const again = startChild(top, world.worker('a', { name: 'other' }));
    await expect(again).rejects.toThrow(code('already_started'));
    await expect(again).rejects.toMatchObject({ details: { ref: { name: 'a' } } });
    expect(world.news()).toEqual(['a terminated crash']);
  });

  test('counting no restart', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')], {
      restartIntensity: { restarts: 1, withinMs: 5_000 },
    });
    await terminateChild(top, 'a');
    await restartChild(top, 'a');
    await world.crash('a');
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
  });
});

describe('contract: messages to a child that is being restarted', () => {
  test('serving what waits before what is sent as soon as the next incarnation serves', async () => {
    const [clock, registry] = [new SimulatedClock(), new Registry()];
    const logic = supervisor({
      ...backoff,
      children: [{ id: 'notes', name: 'notes', logic: puppet() }],
    });
    const top = await startServer(logic, { clock, registry });
    const ref = registry.ref<Puppet>('notes');
    exit(ref, 'kill');
    await settle();
    cast(ref, { type: 'note', text: 'waited' });
    const sendNext = (started: unknown) => {
      const { server } = started as ServerStarted;
      if (server === 'notes') cast(ref, { type: 'note', text: 'came later' });
    };
    subscribe(otpChannels.server_started.name, sendNext);
    await clock.advance(100);
    unsubscribe(otpChannels.server_started.name, sendNext);
    expect(await call(ref, { type: 'read' })).toEqual(['waited', 'came later']);
    await stopServer(top);
  });

  test('never serving what waited longer than it may', async () => {
    const [clock, registry] = [new SimulatedClock(), new Registry()];
    const logic = supervisor({
      ...backoff,
      children: [{ id: 'notes', name: 'notes', logic: puppet() }],
    });
    const top = await startServer(logic, { clock, registry });
    const ref = registry.ref<Puppet>('notes');
    exit(ref, 'kill');
    await settle();
    const fault = faultOf(call(ref, { type: 'note', text: 'expired' }, { timeoutMs: 50 }));
    await clock.advance(50);
    expect((await fault).code).toBe('call_timeout');
    await clock.advance(50);
    expect(await call(ref, { type: 'read' })).toEqual([]);
    await stopServer(top);
  });

  test('taking in what is uncancellable, however much waits', async () => {
    const [clock, registry] = [new SimulatedClock(), new Registry()];
    const logic = supervisor({
      ...backoff,
      children: [
        {
          id: 'notes',
          name: 'notes',
          logic: puppet({ mailboxLimit: 1, uncancellable: ['note'] }),
        },
      ],
    });
    const top = await startServer(logic, { clock, registry });
    const ref = registry.ref<Puppet>('notes');
    exit(ref, 'kill');
    await settle();
    cast(ref, { type: 'perform', work: (notes) => noReply([...notes, 'ordinary']) });
    cast(ref, { type: 'note', text: 'first' });
    cast(ref, { type: 'note', text: 'second' });
    await clock.advance(100);
    expect(await call(ref, { type: 'read' })).toEqual(['first', 'second', 'ordinary']);
    await stopServer(top);
  });
});

describe('Registry: names over time', () => {
  test('finding, by name, who has it after the first is gone for good', async () => {
    const world = new World();
    const ref = world.ref('a');
    const first = await world.startWorker('a');
    expect(ref.actor).toBe(first.actor);
    await stopServer(first);
    const next = await world.startWorker('a');
    expect(await call(ref, { type: 'whoami' })).toBe('a');
    expect(ref.actor).toBe(next.actor);
  });
});

describe('erlang: link/1', () => {
  test('keeping nothing of the linked servers that are gone', async () => {
    const { a } = await (async () => {
      const world = new World();
      return { a: await world.startWorker('a') };
    })();
    const linkAndStop = async () => {
      const logic = fromGenServer<{ state: object }>({ init: () => ready({}) });
      const gone = await startServer(logic);
      link(a, gone);
      const state = new WeakRef(await sys.getState(gone));
      await stopServer(gone);
      return state;
    };
    const state = await linkAndStop();
    await settle();
    globalThis.gc?.();
    await settle();
    globalThis.gc?.();
    expect(state.deref()).toBeUndefined();
    expect(a.actor).toBeDefined();
  });

  test('refusing to link with an actor that is gone', async () => {
    const world = new World();
    const [a, b] = [await world.startWorker('a'), await world.startWorker('b')];
    const actor = b.actor as never;
    await stopServer(b);
    expect(() => link(a, actor)).toThrow(code('noproc'));
  });
});

describe('gen_server: a failing terminate/2', () => {
  test('running terminate once when it throws at an orderly end', async () => {
    const terminate = vi.fn(() => {
      throw new Error('boom');
    });
    const ref = await startServer(puppet({ terminate }));
    await stopServer(ref, 'shutdown').catch(() => {});
    expect(terminate).toHaveBeenCalledTimes(1);
  });
});

describe('supervisor: what is none of its business', () => {
  test.each(['child_ended', 'restart_due'])('surviving a forged message %s', async (type) => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    info(top as never, { type } as never);
    await settle();
    expect(statuses(await whichChildren(top))).toEqual(['a running']);
    expect(world.news()).toEqual([]);
  });
});
