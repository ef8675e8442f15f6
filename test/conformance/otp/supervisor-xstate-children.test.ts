import { describe, expect, test } from 'vitest';
import {
  type AnyActorLogic,
  createMachine,
  fromCallback,
  fromObservable,
  fromPromise,
  fromTransition,
} from 'xstate';
import {
  type ChildSpec,
  call,
  exit,
  info,
  type Restart,
  restartChild,
  startChild,
  stopServer,
  supervisor,
  terminateChild,
  whichChildren,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { endOf, NOTHING, statuses, World } from '../../support/trees.ts';

/** A machine that ends at `end`, throws at `fail`, and writes down when it is entered and left. */
const machine = (journal: string[]) =>
  createMachine({
    initial: 'working',
    states: {
      working: {
        entry: () => journal.push('machine started'),
        exit: () => journal.push('machine left'),
        on: {
          end: 'ended',
          fail: {
            actions: () => {
              throw new Error('machine failed');
            },
          },
        },
      },
      ended: { type: 'final' },
    },
  });

/** A callback actor that throws at `fail`, and writes down its start and its clean-up. */
const callback = (journal: string[]) =>
  fromCallback(({ receive }) => {
    journal.push('callback started');
    receive(() => {
      throw new Error('callback failed');
    });
    return () => {
      journal.push('callback cleaned up');
    };
  });

/** Promise logic, and how to settle the promise that runs now. */
function promise(journal: string[]) {
  let settleNow = { resolve: () => {}, reject: (_error: Error) => {} };
  const logic = fromPromise(({ signal }) => {
    journal.push('promise started');
    signal.addEventListener('abort', () => journal.push('promise aborted'));
    return new Promise<void>((resolve, reject) => {
      settleNow = { resolve, reject };
    });
  });
  const resolve = () => settleNow.resolve();
  const reject = () => settleNow.reject(new Error('promise failed'));
  return { logic, resolve, reject };
}

interface Observer {
  next?(value: unknown): void;
  error?(error: unknown): void;
  complete?(): void;
}

/** Observable logic, and how to end the subscription that runs now. */
function observable(journal: string[]) {
  let observer: Observer = {};
  const logic = fromObservable(() => ({
    subscribe: (given: Observer | ((value: unknown) => void)) => {
      journal.push('observable started');
      observer = given as Observer;
      return { unsubscribe: () => journal.push('observable unsubscribed') };
    },
  }));
  const complete = () => observer.complete?.();
  const fail = () => observer.error?.(new Error('observable failed'));
  return { logic, complete, fail };
}

const child = (logic: AnyActorLogic, restart: Restart): ChildSpec => ({
  id: 'child',
  name: 'child',
  logic,
  restart,
});

async function startWith(logic: (world: World) => AnyActorLogic, restart: Restart) {
  const world = new World();
  const top = await world.supervise([child(logic(world), restart), world.worker('b')]);
  return { world, top };
}

describe('supervisor: XState logics as children, machine', () => {
  const start = (restart: Restart) => startWith(({ journal }) => machine(journal), restart);

  test('taking the end of a machine for a normal exit of a transient child', async () => {
    const { world, top } = await start('transient');
    info(world.registry.ref('child'), { type: 'end' });
    await settle();
    expect(world.news()).toEqual(['machine left']);
    expect(statuses(await whichChildren(top))).toEqual(['child stopped', 'b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('restarting a permanent machine that has ended', async () => {
    const { world, top } = await start('permanent');
    info(world.registry.ref('child'), { type: 'end' });
    await settle();
    expect(world.news()).toEqual(['machine left', 'machine started']);
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });

  test('taking a throw in a machine for a crash', async () => {
    const { world, top } = await start('transient');
    const end = endOf(world.ref('child'));
    info(world.registry.ref('child'), { type: 'fail' });
    expect(await end).toMatchObject({ message: 'machine failed' });
    await settle();
    expect(world.news().at(-1)).toBe('machine started');
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });

  test('reaching the next incarnation with what is sent to the ref', async () => {
    const { world } = await start('permanent');
    info(world.registry.ref('child'), { type: 'end' });
    await settle();
    world.news();
    info(world.registry.ref('child'), { type: 'end' });
    await settle();
    expect(world.news()).toEqual(['machine left', 'machine started']);
  });

  test('counting the restarts of a machine, and giving up', async () => {
    const { world, top } = await start('permanent');
    const end = endOf(top);
    for (let crash = 0; crash < 4; crash += 1) {
      info(world.registry.ref('child'), { type: 'fail' });
      await settle();
    }
    expect(await end).toMatchObject({ shutdown: { code: 'restart_intensity_exceeded' } });
    expect(world.news()).toContain('b terminated shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('stopping a machine with its supervisor', async () => {
    const { world, top } = await start('permanent');
    await stopServer(top, 'shutdown');
    expect(world.news()).toContain('b terminated shutdown');
    expect(world.left()).toEqual(NOTHING);
  });

  test('leaving no machine when its supervisor is killed', async () => {
    const { world, top } = await start('permanent');
    exit(top, 'kill');
    await settle();
    expect(world.left()).toEqual(NOTHING);
  });

  test('restarting a machine with its siblings', async () => {
    const world = new World();
    await world.supervise([child(machine(world.journal), 'permanent'), world.worker('b')], {
      strategy: 'one_for_all',
    });
    await world.crash('b');
    const news = world.news().filter((line) => line !== 'machine left');
    expect(news).toEqual(['b terminated crash', 'machine started', 'b started']);
  });

  test('terminating and restarting a machine by hand', async () => {
    const { world, top } = await start('permanent');
    await terminateChild(top, 'child');
    expect(statuses(await whichChildren(top))).toEqual(['child stopped', 'b running']);
    world.news();
    await restartChild(top, 'child');
    expect(world.news()).toEqual(['machine started']);
  });

  test('refusing call to a machine, which has no replies', async () => {
    const { world } = await start('permanent');
    const asked = call(world.ref('child'), { type: 'whoami' });
    await expect(asked).rejects.toMatchObject({ code: 'not_a_server' });
    expect(world.news()).toEqual([]);
  });

  test('failing to start with a machine that throws at its start', async () => {
    const world = new World();
    const fails = createMachine({
      entry: () => {
        throw new Error('no start');
      },
    });
    const children = [world.worker('a'), child(fails, 'permanent')];
    const starting = world.start(supervisor({ children }));
    await expect(starting).rejects.toMatchObject({ code: 'start_failed' });
    expect(world.news()).toEqual(['a started', 'a terminated shutdown']);
    expect(world.left()).toEqual(NOTHING);
  });

  test('ending at once, as a normal exit, with a machine that ends at its start', async () => {
    const world = new World();
    const ended = createMachine({ initial: 'end', states: { end: { type: 'final' } } });
    const top = await world.supervise([child(ended, 'transient'), world.worker('b')]);
    await settle();
    expect(statuses(await whichChildren(top))).toEqual(['child stopped', 'b running']);
    expect(world.registry.names()).toEqual(['top', 'b']);
  });

  test('handing the input of the spec to each incarnation', async () => {
    const world = new World();
    const logic = createMachine({
      types: {} as { input: { word: string }; context: { word: string } },
      context: ({ input }) => input,
      entry: ({ context }) => world.journal.push(context.word),
      on: {
        fail: {
          actions: () => {
            throw new Error('machine failed');
          },
        },
      },
    });
    const top = await world.supervise([world.worker('b')]);
    const ref = await startChild(top, { id: 'child', logic, input: { word: 'hello' } });
    info(ref, { type: 'fail' });
    await settle();
    expect(world.news()).toEqual(['hello', 'hello']);
  });
});

describe('supervisor: XState logics as children, promise', () => {
  test('taking a resolved promise for a normal exit', async () => {
    const { world, top, ...control } = await startPromise('transient');
    control.resolve();
    await settle();
    expect(statuses(await whichChildren(top))).toEqual(['child stopped', 'b running']);
    expect(world.news()).toEqual([]);
  });

  test('running a permanent promise again when it has resolved', async () => {
    const { world, ...control } = await startPromise('permanent');
    control.resolve();
    await settle();
    expect(world.news()).toEqual(['promise started']);
  });

  test('taking a rejected promise for a crash', async () => {
    const { world, top, ...control } = await startPromise('transient');
    const end = endOf(world.ref('child'));
    control.reject();
    expect(await end).toMatchObject({ message: 'promise failed' });
    await settle();
    expect(world.news()).toEqual(['promise started']);
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });

  test('aborting a promise that runs when its supervisor stops', async () => {
    const { world, top } = await startPromise('permanent');
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual(['b terminated shutdown', 'promise aborted']);
    expect(world.left()).toEqual(NOTHING);
  });

  async function startPromise(restart: Restart) {
    const world = new World();
    const { logic, ...control } = promise(world.journal);
    const top = await world.supervise([child(logic, restart), world.worker('b')]);
    return { world, top, ...control };
  }
});

describe('supervisor: XState logics as children, callback', () => {
  const start = (restart: Restart) => startWith(({ journal }) => callback(journal), restart);

  test('taking a throw in a callback actor for a crash', async () => {
    const { world, top } = await start('transient');
    info(world.registry.ref('child'), { type: 'fail' });
    await settle();
    expect(world.news().at(-1)).toBe('callback started');
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });

  test('cleaning up a callback actor when its supervisor stops', async () => {
    const { world, top } = await start('permanent');
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual(['b terminated shutdown', 'callback cleaned up']);
    expect(world.left()).toEqual(NOTHING);
  });
});

describe('supervisor: XState logics as children, observable', () => {
  test('taking a completed observable for a normal exit', async () => {
    const { world, top, ...control } = await startObservable('transient');
    control.complete();
    await settle();
    expect(world.news()).not.toContain('observable started');
    expect(statuses(await whichChildren(top))).toEqual(['child stopped', 'b running']);
  });

  test('taking an error of an observable for a crash', async () => {
    const { world, top, ...control } = await startObservable('transient');
    control.fail();
    await settle();
    expect(world.news()).toContain('observable started');
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });

  test('unsubscribing when its supervisor stops', async () => {
    const { world, top } = await startObservable('permanent');
    await stopServer(top, 'shutdown');
    expect(world.news()).toEqual(['b terminated shutdown', 'observable unsubscribed']);
    expect(world.left()).toEqual(NOTHING);
  });

  async function startObservable(restart: Restart) {
    const world = new World();
    const { logic, ...control } = observable(world.journal);
    const top = await world.supervise([child(logic, restart), world.worker('b')]);
    return { world, top, ...control };
  }
});

describe('supervisor: XState logics as children, transition', () => {
  test('taking a throw in a transition for a crash', async () => {
    let starts = 0;
    const reducer = fromTransition(
      () => {
        throw new Error('transition failed');
      },
      () => ++starts,
    );
    const { world, top } = await startWith(() => reducer, 'transient');
    info(world.registry.ref('child'), { type: 'anything' });
    await settle();
    expect(starts).toBe(2);
    expect(world.news()).toEqual([]);
    expect(statuses(await whichChildren(top))).toEqual(['child running', 'b running']);
  });
});
