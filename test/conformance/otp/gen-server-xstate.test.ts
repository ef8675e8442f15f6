/**
 * A server is XState actor logic: what the contract promises of servers that XState itself runs, by
 * `createActor`, `invoke` and `spawn`, and of XState's inspection.
 */
import { describe, expect, test, vi } from 'vitest';
import {
  type ActorRefFrom,
  assign,
  createActor,
  type InspectionEvent,
  sendTo,
  setup,
  toPromise,
  waitFor,
} from 'xstate';
import {
  call,
  cast,
  deferReply,
  type ExitReason,
  exit,
  fromGenServer,
  type GenServerLogic,
  noReply,
  ready,
  reply,
  startServer,
  stop,
  stopServer,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, faultOf, type Notes, type Puppet, puppet } from '../../support/servers.ts';

const boom = new Error('boom');
const crash = () => {
  throw boom;
};

describe('contract: a server under createActor', () => {
  test('answering calls by its actor', async () => {
    const actor = createActor(puppet()).start();
    expect(await call(actor, { type: 'note', text: 'a' })).toEqual(['a']);
    actor.stop();
  });

  test('handing the input to init', async () => {
    interface Echo {
      input: string;
      state: string;
      calls: { read(): string };
    }
    const echo = fromGenServer<Echo>({
      init: (input) => ready(input),
      handleCall: { read: (_request, state) => reply(state, state) },
    });
    const actor = createActor(echo, { input: 'the input' }).start();
    expect(await call(actor, { type: 'read' })).toBe('the input');
    actor.stop();
  });

  test('serving a call that was made while an async init ran', async () => {
    const slow = puppet({ init: async () => ready(['init']) });
    const actor = createActor(slow).start();
    expect(await call(actor, { type: 'note', text: 'a' })).toEqual(['init', 'a']);
    actor.stop();
  });

  test('showing its state as the context of its snapshot', async () => {
    const actor = createActor(puppet()).start();
    await call(actor, { type: 'note', text: 'a' });
    expect(actor.getSnapshot()).toMatchObject({ status: 'active', context: ['a'] });
    actor.stop();
  });

  test('telling its subscribers every state', async () => {
    const actor = createActor(puppet()).start();
    const states: unknown[] = [];
    actor.subscribe(({ context }) => states.push(context));
    await call(actor, { type: 'note', text: 'a' });
    await call(actor, { type: 'note', text: 'b' });
    actor.stop();
    expect(states).toContainEqual(['a']);
    expect(states).toContainEqual(['a', 'b']);
  });

  test('serving a message that a subscriber sends to it, after the one in service', async () => {
    const actor = createActor(puppet()).start();
    const subscription = actor.subscribe(({ context }) => {
      if (context.length === 1) cast(actor, { type: 'note', text: 'by the subscriber' });
    });
    await call(actor, { type: 'note', text: 'a' });
    await settle();
    subscription.unsubscribe();
    expect(await call(actor, { type: 'read' })).toEqual(['a', 'by the subscriber']);
    actor.stop();
  });

  test.each<ExitReason>(['normal', 'shutdown', { shutdown: 'idle' }])(
    'being done, with the reason %s as its output, after an orderly end',
    async (reason) => {
      const actor = createActor(puppet()).start();
      const output = toPromise(actor);
      cast(actor, { type: 'perform', work: (notes) => stop(reason, notes) });
      expect(await output).toEqual(reason);
      expect(actor.getSnapshot()).toMatchObject({ status: 'done', output: reason });
    },
  );

  test('being in error after a crash', async () => {
    const actor = createActor(puppet()).start();
    const output = toPromise(actor);
    cast(actor, { type: 'perform', work: crash });
    await expect(output).rejects.toBe(boom);
    expect(actor.getSnapshot()).toMatchObject({ status: 'error', error: boom });
  });

  test('being in error after a failing init', async () => {
    const actor = createActor(puppet({ init: async () => crash() }));
    const output = toPromise(actor);
    actor.start();
    await expect(output).rejects.toBe(boom);
  });

  test('being in error after kill', async () => {
    const actor = createActor(puppet()).start();
    const output = toPromise(actor);
    exit(actor, 'kill');
    await expect(output).rejects.toMatchObject({ details: { reason: 'killed' } });
  });

  test('ending by stop with shutdown, after terminate', async () => {
    const terminate = vi.fn();
    const actor = createActor(puppet({ terminate })).start();
    const end = endOf(actor);
    actor.stop();
    expect(await end).toBe('shutdown');
    expect(terminate.mock.calls).toEqual([['shutdown', [], expect.anything()]]);
  });

  test('rejecting who waits with server_down when it is stopped', async () => {
    const actor = createActor(puppet()).start();
    const work = (notes: Notes, from: Parameters<typeof deferReply>[0]) => deferReply(from, notes);
    const fault = faultOf(call(actor, { type: 'perform', work }));
    actor.stop();
    expect(await fault).toMatchObject({ code: 'server_down', details: { reason: 'shutdown' } });
    expect((await faultOf(call(actor, { type: 'read' }))).code).toBe('noproc');
  });

  test('ending properly by stop while a callback runs', async () => {
    const actor = createActor(puppet()).start();
    const fault = faultOf(
      call(actor, { type: 'perform', work: () => new Promise<never>(() => {}) }),
    );
    actor.stop();
    expect((await fault).code).toBe('server_down');
  });
});

/** A machine that invokes `server` in its first state. */
function invoking(server: GenServerLogic<Puppet>, heard: (event: unknown) => void = () => {}) {
  return setup({ actors: { server } }).createMachine({
    initial: 'serving',
    states: {
      serving: {
        invoke: {
          src: 'server',
          id: 'server',
          onDone: { target: 'ended', actions: ({ event }) => heard(event.output) },
          onError: { target: 'failed', actions: ({ event }) => heard(event.error) },
        },
        on: {
          leave: 'left',
          forward: { actions: sendTo('server', { type: 'note', text: 'by the machine' }) },
        },
      },
      ended: {},
      failed: {},
      left: {},
    },
  });
}

/** Starts a machine that invokes `server`, and takes the actor of that. */
function invoke(server: GenServerLogic<Puppet>, heard?: (event: unknown) => void) {
  const machine = createActor(invoking(server, heard)).start();
  const { server: child } = machine.getSnapshot().children;
  if (!child) throw new Error('Expected the machine to have invoked the server');
  return { machine, child };
}

describe("contract: a server in a machine's invoke", () => {
  test('answering calls', async () => {
    const { machine, child } = invoke(puppet());
    expect(await call(child, { type: 'note', text: 'a' })).toEqual(['a']);
    machine.stop();
  });

  test('getting the events of its machine as infos', async () => {
    const { machine, child } = invoke(puppet());
    machine.send({ type: 'forward' });
    expect(await call(child, { type: 'read' })).toEqual(['by the machine']);
    machine.stop();
  });

  test('taking onDone, with the reason as output, after an orderly end', async () => {
    const heard = vi.fn();
    const { machine, child } = invoke(puppet(), heard);
    cast(child, { type: 'perform', work: (notes) => stop('normal', notes) });
    await waitFor(machine, (snapshot) => snapshot.matches('ended'));
    expect(heard.mock.calls).toEqual([['normal']]);
  });

  test('taking onError after a crash', async () => {
    const heard = vi.fn();
    const { machine, child } = invoke(puppet(), heard);
    cast(child, { type: 'perform', work: crash });
    await waitFor(machine, (snapshot) => snapshot.matches('failed'));
    expect(heard.mock.calls).toEqual([[boom]]);
  });

  test('taking onError after a failing init', async () => {
    const heard = vi.fn();
    const { machine } = invoke(puppet({ init: async () => crash() }), heard);
    await waitFor(machine, (snapshot) => snapshot.matches('failed'));
    expect(heard.mock.calls).toEqual([[boom]]);
  });

  test('ending with shutdown, after terminate, when the machine leaves the state', async () => {
    const terminate = vi.fn();
    const { machine, child } = invoke(puppet({ terminate }));
    const end = endOf(child);
    machine.send({ type: 'leave' });
    expect(await end).toBe('shutdown');
    expect(terminate).toHaveBeenCalledTimes(1);
    expect(machine.getSnapshot().matches('left')).toBe(true);
  });

  test('ending with its machine', async () => {
    const { machine, child } = invoke(puppet());
    const end = endOf(child);
    machine.stop();
    expect(await end).toBe('shutdown');
  });
});

describe('contract: a server that a machine spawns', () => {
  const server = puppet();
  const spawning = setup({
    actors: { server },
    types: { context: {} as { readonly ref: ActorRefFrom<typeof server> } },
  }).createMachine({
    context: ({ spawn }) => ({ ref: spawn('server', { id: 'spawned' }) }),
    on: { again: { actions: assign({ ref: ({ spawn }) => spawn('server') }) } },
  });

  test('answering calls', async () => {
    const machine = createActor(spawning).start();
    const { ref } = machine.getSnapshot().context;
    expect(await call(ref, { type: 'note', text: 'a' })).toEqual(['a']);
    machine.stop();
  });

  test('having a state of its own', async () => {
    const machine = createActor(spawning).start();
    const { ref: first } = machine.getSnapshot().context;
    await call(first, { type: 'note', text: 'a' });
    machine.send({ type: 'again' });
    expect(await call(machine.getSnapshot().context.ref, { type: 'read' })).toEqual([]);
    machine.stop();
  });

  test('ending with its machine', async () => {
    const machine = createActor(spawning).start();
    const end = endOf(machine.getSnapshot().context.ref);
    machine.stop();
    expect(await end).toBe('shutdown');
  });
});

describe("contract: XState's inspection", () => {
  /** A server, and what the inspector of its start was told. */
  async function startInspected() {
    const events: InspectionEvent[] = [];
    const ref = await startServer(puppet(), { inspect: (event) => events.push(event) });
    return { ref, events };
  }

  test('seeing the actor of a server', async () => {
    const { ref, events } = await startInspected();
    const actors = events.filter(({ type }) => type === '@xstate.actor');
    expect(actors.map(({ actorRef }) => actorRef)).toEqual([ref.actor]);
  });

  test('seeing calls, casts and their content', async () => {
    const { ref, events } = await startInspected();
    cast(ref, { type: 'note', text: 'a' });
    await call(ref, { type: 'read' });
    const seen = events.flatMap((event) => (event.type === '@xstate.event' ? [event.event] : []));
    expect(seen).toContainEqual(
      expect.objectContaining({ type: 'cast', content: { type: 'note', text: 'a' } }),
    );
    expect(seen).toContainEqual(
      expect.objectContaining({ type: 'call', content: { type: 'read' } }),
    );
  });

  test('seeing the state after each message', async () => {
    const { ref, events } = await startInspected();
    await call(ref, { type: 'note', text: 'a' });
    const states = events.flatMap((event) =>
      event.type === '@xstate.snapshot' ? [Reflect.get(event.snapshot, 'context')] : [],
    );
    expect(states.at(-1)).toEqual(['a']);
  });

  test('seeing the end', async () => {
    const { ref, events } = await startInspected();
    await stopServer(ref, 'shutdown');
    const last = events.filter(({ type }) => type === '@xstate.snapshot').at(-1);
    expect(last).toMatchObject({ snapshot: { status: 'done', output: 'shutdown' } });
  });

  test('seeing a server inside of a machine', async () => {
    const events: InspectionEvent[] = [];
    const inspect = (event: InspectionEvent) => void events.push(event);
    const machine = createActor(invoking(puppet()), { inspect }).start();
    const { server: child } = machine.getSnapshot().children;
    const actors = events.filter(({ type }) => type === '@xstate.actor');
    expect(actors.map(({ actorRef }) => actorRef)).toContain(child);
    machine.stop();
  });
});

describe('contract: a server that we started, as an XState actor', () => {
  test('telling its subscribers every state', async () => {
    const ref = await startServer(puppet());
    const states: unknown[] = [];
    ref.actor?.subscribe(({ context }) => states.push(context));
    await call(ref, { type: 'note', text: 'a' });
    cast(ref, { type: 'note', text: 'b' });
    expect(states).toEqual([['a'], ['a', 'b']]);
  });

  test('serving a message that a subscriber sends to it, after the one in service', async () => {
    const ref = await startServer(puppet());
    ref.actor?.subscribe(({ context }) => {
      if (context.length === 1) cast(ref, { type: 'note', text: 'by the subscriber' });
    });
    expect(await call(ref, { type: 'note', text: 'a' })).toEqual(['a']);
    expect(await call(ref, { type: 'read' })).toEqual(['a', 'by the subscriber']);
  });

  test('ending for a subscriber that stops it', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    ref.actor?.subscribe(() => exit(ref, 'shutdown'));
    cast(ref, { type: 'note', text: 'a' });
    expect(await end).toBe('shutdown');
  });

  test('telling its subscribers that it is done', async () => {
    const ref = await startServer(puppet());
    const output = toPromise(ref.actor ?? createActor(puppet()));
    await stopServer(ref, 'shutdown');
    expect(await output).toBe('shutdown');
  });

  test('telling its subscribers its crash', async () => {
    const ref = await startServer(puppet());
    const output = toPromise(ref.actor ?? createActor(puppet()));
    cast(ref, { type: 'perform', work: crash });
    await expect(output).rejects.toBe(boom);
  });
});

describe('contract: no crash becomes an uncaught exception', () => {
  test('ending a crash of a started server with its report', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: crash });
    expect(await end).toBe(boom);
    await settle();
  });

  test('ending an async crash of a started server with its report', async () => {
    const ref = await startServer(puppet());
    const end = endOf(ref);
    cast(ref, { type: 'perform', work: async (notes) => (notes ? crash() : noReply(notes)) });
    expect(await end).toBe(boom);
    await settle();
  });
});
