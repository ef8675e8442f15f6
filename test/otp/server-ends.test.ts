/**
 * Ends: whoever waits for a server, watches it or stands over it hears of its end, whatever its own
 * callbacks do meanwhile. A rejection that nobody handles fails the run.
 */
import { describe, expect, test } from 'vitest';
import { createMachine, fromPromise } from 'xstate';
import {
  call,
  cast,
  type DownMessage,
  deferReply,
  dynamicSupervisor,
  type ExitReason,
  exit,
  fromGenServer,
  info,
  monitor,
  noReply,
  Registry,
  ready,
  type ServerContext,
  silentLogger,
  startChild,
  startServer,
  startTree,
  stop,
  stopServer,
  terminateChild,
  whichChildren,
} from '../../src/index.ts';
import { recordEvents, settle } from '../../src/testing.ts';
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
} from '../support/servers.ts';
import { World } from '../support/trees.ts';

type PuppetContext = ServerContext<Puppet>;

describe('an async callback that kills its own server', () => {
  test('throwing afterwards to nobody, while its caller gets server_down', async () => {
    const ref = await startServer(puppet(), surroundings());
    const fault = faultOf(
      call(ref, {
        type: 'perform',
        work: async (_notes, _from, { self }) => {
          exit(self, 'kill');
          throw new Error('after its own end');
        },
      }),
    );
    expect((await fault).code).toBe('server_down');
    await settle();
  });

  test('throwing in terminate to nobody, while an open call gets server_down', async () => {
    const terminate = async (_reason: ExitReason, _notes: Notes, { self }: PuppetContext) => {
      exit(self, 'kill');
      throw new Error('after its own end');
    };
    const place = surroundings();
    const ref = await startServer(puppet({ terminate }), place);
    const fault = faultOf(
      call(ref, { type: 'perform', work: (notes, from) => deferReply(from, notes) }),
    );
    const end = endOf(ref);
    exit(ref, 'shutdown');
    expect(await end).toBe('killed');
    expect((await fault).code).toBe('server_down');
    await settle();
    expect(remains(place)).toEqual(NOTHING);
  });
});

describe('a monitor that throws', () => {
  test('keeping neither later monitors nor the supervisor from hearing of the end', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a')]);
    const told: string[] = [];
    monitor(world.ref('a'), () => {
      throw new Error('a bad listener');
    });
    monitor(world.ref('a'), () => told.push('later'));
    await world.crash('a');
    expect(told).toEqual(['later']);
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
    expect(await call(world.ref('a'), { type: 'whoami' })).toBe('a');
    await stopServer(top);
  });
});

describe('a monitor that a server has set', () => {
  test('being gone with that server, so that a successor of its name hears nothing', async () => {
    const place = surroundings();
    const watched = await startServer(puppet(), place);
    const watcher = puppet({
      init: (_input, { self }) => {
        monitor(watched, self);
        return ready([]);
      },
    });
    using recorder = recordEvents(['message_dropped', 'message_unexpected']);
    for (let started = 0; started < 1_000; started += 1) {
      exit(await startServer(watcher, { ...place, name: 'watcher' }), 'kill');
    }
    const successor = await startServer(puppet(), { ...place, name: 'watcher' });
    await stopServer(watched);
    expect(await call(successor, { type: 'read' })).toEqual([]);
    expect(recorder.events).toEqual([]);
    await stopServer(successor);
  });

  test('telling it of the end for as long as it runs', async () => {
    const place = surroundings();
    const watched = await startServer(puppet(), place);
    const down = gate<string>();
    const handleInfo = {
      ...puppetClauses,
      down: ({ server }: DownMessage, notes: Notes) => {
        down.open(server);
        return noReply(notes);
      },
    };
    const watcher = await startServer(puppet({ handleInfo }), place);
    monitor(watched, watcher);
    exit(watched, 'kill');
    expect(await down.opened).toBe('server');
    await stopServer(watcher);
  });
});

describe('a machine under a supervisor with a backoff', () => {
  const restless = (got: string[]) =>
    createMachine({
      on: {
        fail: {
          actions: () => {
            throw new Error('failed');
          },
        },
        hello: { actions: () => got.push('hello') },
      },
    });

  test('getting what was sent meanwhile once it is restarted', async () => {
    const world = new World();
    const got: string[] = [];
    const restartBackoff = { initialMs: 20, jitter: 0 };
    const top = await world.supervise([{ id: 'm', logic: restless(got) }], { restartBackoff });
    const [child] = await whichChildren(top);
    if (!child) throw new Error('The machine is not there');
    info(child.ref, { type: 'fail' });
    await settle();
    info(child.ref, { type: 'hello' });
    const fault = faultOf(call(child.ref, { type: 'ask' } as never));
    expect(got).toEqual([]);
    await world.clock.advance(20);
    expect(got).toEqual(['hello']);
    expect((await fault).code).toBe('not_a_server');
    await stopServer(top);
  });
});

describe('a temporary promise that rejects', () => {
  test('being logged as an error', async () => {
    const place = surroundings();
    const top = await startServer(dynamicSupervisor(), place);
    const logic = fromPromise(async () => {
      throw new Error('lost work');
    });
    await startChild(top, { id: 'job', logic, restart: 'temporary' });
    await settle();
    const errors = place.logger.lines.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([{ fields: { child: 'job', reason: { message: 'lost work' } } }]);
    expect(await whichChildren(top)).toEqual([]);
    await stopServer(top);
  });
});

describe('a call that waits in the mailbox of XState', () => {
  test('being rejected with server_down when its server is killed', async () => {
    const ref = await startServer(puppet(), { ...surroundings(), inspect: () => {} });
    const faults: Promise<{ code: string }>[] = [];
    ref.actor?.subscribe({
      next: () => {
        if (faults.length > 0) return;
        faults.push(faultOf(call(ref, { type: 'read' })), faultOf(call(ref, { type: 'read' })));
        exit(ref, 'kill');
      },
      error: () => {},
    });
    ref.actor?.send({ type: 'xstate.nothing' });
    const codes = (await Promise.all(faults)).map(({ code }) => code);
    expect(codes).toEqual(['server_down', 'server_down']);
  });
});

describe('stop without a state', () => {
  test('handing terminate the state as it was', async () => {
    const handed = gate<Notes>();
    const terminate = (_reason: ExitReason, notes: Notes) => handed.open(notes);
    const ref = await startServer(puppet({ terminate }), surroundings());
    cast(ref, { type: 'note', text: 'kept' });
    cast(ref, { type: 'perform', work: () => stop('normal') });
    expect(await handed.opened).toEqual(['kept']);
  });
});

describe('stopping a tree', () => {
  test('resolving while its root gives up by itself', async () => {
    const { clock, registry } = surroundings();
    const cleanup = gate();
    const slow = fromGenServer({ init: () => ready(0), terminate: () => cleanup.opened });
    const children = [
      { id: 'slow', logic: slow },
      { id: 'weak', name: 'weak', logic: puppet() },
    ];
    const tree = await startTree(children, { clock, registry });
    const work = (): never => {
      throw new Error('too weak');
    };
    for (let crash = 0; crash < 4; crash += 1) {
      cast(registry.ref<Puppet>('weak'), { type: 'perform', work });
      await settle();
    }
    const stopped = tree.stop();
    await settle();
    expect(watch(stopped).isSettled).toBe(false);
    cleanup.open();
    await stopped;
    expect(await tree.ended).toMatchObject({ shutdown: { code: 'restart_intensity_exceeded' } });
  });
});

describe('a child with shutdown brutal_kill', () => {
  test('cleaning up after a crash before the next incarnation starts', async () => {
    const world = new World();
    const cleanup = gate();
    const onTerminate = () => cleanup.opened;
    const top = await world.supervise([
      world.worker('a', { shutdown: 'brutal_kill', onTerminate }),
    ]);
    await world.crash('a');
    await world.clock.advance(100);
    expect(world.news()).toEqual(['a stopping']);
    cleanup.open();
    await settle();
    expect(world.news()).toEqual(['a terminated crash', 'a started']);
    await stopServer(top);
  });
});

describe('an init that answers with stop and an error', () => {
  test('being reported as a crash in init', async () => {
    using recorder = recordEvents(['server_crashed']);
    const logic = puppet({ init: () => stop(new Error('no disk')) });
    const place = surroundings();
    const fault = await faultOf(startServer(logic, { ...place, name: 'store' }));
    expect(fault.code).toBe('start_failed');
    expect(recorder.events).toMatchObject([
      { server: 'store', callback: 'init', error: { message: 'no disk' } },
    ]);
    expect(remains(place)).toEqual(NOTHING);
  });
});

describe('a monitor function that throws', () => {
  const start = async () => {
    const faults: string[] = [];
    const logger = { ...silentLogger, error: (_fields: object, text: string) => faults.push(text) };
    const registry = new Registry();
    const children = [{ id: 'door', name: 'door', logic: createMachine({}) }];
    const tree = await startTree(children, { registry, logger });
    return { faults, tree, door: registry.ref('door') };
  };
  const deaf = (): never => {
    throw new Error('deaf');
  };

  test('being logged when it is told of the end of a machine', async () => {
    const { faults, tree, door } = await start();
    monitor(door, deaf);
    await terminateChild(tree.supervisor, 'door');
    expect(faults).toEqual(['A monitor of door has thrown']);
    await tree.stop();
  });

  test('being logged when it is told that nobody is there', async () => {
    const { faults, tree, door } = await start();
    await tree.stop();
    monitor(door, deaf);
    await settle();
    expect(faults).toEqual(['A monitor of door has thrown']);
  });
});
