import { describe, expect, test } from 'vitest';
import {
  type AnyChildren,
  type Logger,
  onEvent,
  type SupervisorRef,
  startServer,
  stopServer,
  supervisor,
  sys,
} from '../../../src/index.ts';
import { settle } from '../../../src/testing.ts';
import { NOTHING, World } from '../../support/trees.ts';

interface Report {
  readonly level: string;
  readonly fields: object;
}

/** Starts a supervisor whose reports are kept. */
async function startReporting(world: World, children: AnyChildren, restarts = 3) {
  const reports: Report[] = [];
  const at = (level: string) => (fields: object) => {
    reports.push({ level, fields });
  };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  const { clock, registry } = world;
  const logic = supervisor({ children, restartIntensity: { restarts, withinMs: 5_000 } });
  const top: SupervisorRef = await startServer(logic, { name: 'top', clock, registry, logger });
  const bad = () => reports.filter(({ level }) => level === 'warn' || level === 'error');
  return { top, bad };
}

describe('supervisor: error reporting', () => {
  test('reporting a child that has ended and is restarted, and how it ended', async () => {
    const world = new World();
    const { bad } = await startReporting(world, [world.worker('a'), world.worker('b')]);
    await world.finish('a', 'normal');
    expect(bad()).toEqual([
      { level: 'warn', fields: expect.objectContaining({ child: 'a', reason: 'normal' }) },
    ]);
  });

  test('reporting that it gives up', async () => {
    const world = new World();
    const { bad } = await startReporting(world, [world.worker('a'), world.worker('b')], 0);
    await world.crash('a');
    const fields = expect.objectContaining({ child: 'a' });
    expect(bad()).toContainEqual({ level: 'error', fields });
    expect(world.left()).toEqual(NOTHING);
  });

  test('reporting nothing bad of an orderly shutdown', async () => {
    const world = new World();
    const { top, bad } = await startReporting(world, [world.worker('a'), world.worker('b')]);
    await stopServer(top, 'shutdown');
    expect(bad()).toEqual([]);
    expect(world.left()).toEqual(NOTHING);
  });

  test('reporting a child that had to be killed at shutdown', async () => {
    const world = new World();
    const never = () => new Promise(() => {});
    const { top, bad } = await startReporting(world, [
      world.worker('a', { onTerminate: never, shutdown: 100 }),
      world.worker('b'),
    ]);
    const stopping = stopServer(top, 'shutdown');
    await world.clock.advance(100);
    await stopping;
    const fields = expect.objectContaining({ child: 'a', reason: 'killed' });
    expect(bad()).toContainEqual({ level: 'error', fields });
    expect(world.left()).toEqual(NOTHING);
  });

  test('publishing each restart with its count in the period', async () => {
    const world = new World();
    await startReporting(world, [world.worker('a'), world.worker('b')]);
    const events: object[] = [];
    const stopListening = onEvent('child_restarted', (event) => events.push(event));
    await world.crash('a');
    await world.crash('b');
    stopListening();
    expect(events).toMatchObject([
      { supervisor: 'top', child: 'a', reason: { message: 'crash' }, restarts: 1 },
      { supervisor: 'top', child: 'b', reason: { message: 'crash' }, restarts: 2 },
    ]);
  });
});

describe('supervisor: tracing', () => {
  test('showing the children as the state of a supervisor', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    expect(await sys.getStatus(top)).toMatchObject({
      server: 'top',
      phase: 'running',
      state: [
        { id: 'a', status: 'running' },
        { id: 'b', status: 'running' },
      ],
    });
  });

  test('restarting nobody while it is suspended, and then who has ended', async () => {
    const world = new World();
    const top = await world.supervise([world.worker('a'), world.worker('b')]);
    await sys.suspend(top);
    await world.crash('a');
    expect(world.news()).toEqual(['a terminated crash']);
    await sys.resume(top);
    await settle();
    expect(world.news()).toEqual(['a started']);
  });
});
