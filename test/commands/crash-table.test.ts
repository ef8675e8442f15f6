/**
 * The crash table of commands: whoever dies, and between whichever two lines, every attempt ends once, with a
 * true outcome or as `interrupted`; none is run twice; nothing is left alive, and no slot held.
 *
 * On the built package, with real processes: `npm test` builds first. A state between two lines is made
 * exactly, as it would have been written.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Run, type Slotkeeper, startSlotkeeper } from 'slotkeeper';
import { describe, expect, test } from 'vitest';
import { AttemptFolder } from '../../src/executors/attempt-folder.ts';
import { identify, kernelBoot } from '../../src/executors/process-table.ts';
import { CommandPlace, until } from '../support/command-place.ts';
import { begin, commitIntent, exit, makeAttempt } from '../support/command-states.ts';
import { makePlace } from '../support/host-places.ts';

const startAt = ({ path }: CommandPlace, orphans: 'adopt' | 'kill' = 'adopt') =>
  startSlotkeeper({ journal: { path }, orphans });
const runOf = (keeper: Slotkeeper): Run => keeper.getRun('r1') as Run; // it is there, or the test fails

async function printed(run: Run): Promise<string> {
  let text = '';
  for await (const record of run.output()) text += record.text;
  return text;
}

/** Its slot is free, and nobody of it alive. */
function expectNothingLeft(keeper: Slotkeeper, place: CommandPlace): void {
  expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
  expect(place.alive).toEqual([]);
}

const EXITED = { state: 'failed', value: { exitCode: 7, signal: null } };
const CANCELLED = { state: 'cancelled', reason: 'cancelled' };
const ORPHANED = { state: 'interrupted', reason: 'orphaned' };

describe('a keeper that died', () => {
  test('before the intent, leaving nothing', async () => {
    const place = new CommandPlace();
    makeAttempt(new AttemptFolder(place.spool, '5.1'), place.patient());
    await using keeper = await startAt(place);
    expect(keeper.getRun('r1')).toBeUndefined();
    expect(place.attempts).toEqual([]);
    expect(place.lines).toEqual([]);
    expectNothingLeft(keeper, place);
  });

  test('after the intent, leaving the command to be begun, once', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    commitIntent(place, command);
    await using keeper = await startAt(place);
    place.go();
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(await printed(runOf(keeper))).toBe('begun\ndone\n');
    expect(place.lines).toEqual(['began']);
    expectNothingLeft(keeper, place);
  });

  test('after the folder was made, leaving the command to be begun, once', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    await using keeper = await startAt(place);
    place.go();
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(await printed(runOf(keeper))).toBe('begun\ndone\n');
    expect(folder.marked).toBe('void');
    expect(place.lines).toEqual(['began']);
  });

  test('again before the command was begun anew, leaving it to be begun, once', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    folder.mark('void');
    await using keeper = await startAt(place);
    place.go();
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(place.lines).toEqual(['began']);
  });

  test('after the mark, leaving a command of which nothing is known', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    begin(folder, undefined);
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(ORPHANED);
    expect(place.lines).toEqual([]);
    expectNothingLeft(keeper, place);
  });

  test('after the end and before the result, leaving the outcome', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    begin(folder, { pid: 2 ** 22, startTicks: 1, bootId: kernelBoot() });
    exit(folder, 7);
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(place.lines).toEqual([]);
    expectNothingLeft(keeper, place);
  });

  test('while the command ended, leaving the outcome', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    place.go();
    const [attempt = ''] = place.attempts;
    await until(() => place.hasFile(attempt, 'end.json'));
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(await printed(runOf(keeper))).toBe('begun\ndone\n');
    expect(place.lines).toEqual(['began']);
    expectNothingLeft(keeper, place);
  });

  test('while the command was being stopped, leaving it to its host, which kills it', async () => {
    const place = new CommandPlace();
    const first = await place.program('command-stopper.mjs', place.stubborn({ killGraceMs: 700 }));
    await until(() => place.lines.includes('asked'));
    await first.kill();
    await using keeper = await startAt(place);
    const outcome = await runOf(keeper).outcome;
    expect(outcome).toMatchObject({ ...CANCELLED, value: { signal: 'SIGKILL' } });
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining('not needed') } });
    expect(place.begun).toBe(1);
    expectNothingLeft(keeper, place);
  });

  test('while the command was being stopped, and it has ended since', async () => {
    const place = new CommandPlace();
    const first = await place.program('command-stopper.mjs', place.stubborn({ killGraceMs: 700 }));
    await until(() => place.lines.includes('asked'));
    await first.kill();
    const [attempt = ''] = place.attempts;
    await until(() => place.hasFile(attempt, 'end.json'));
    await using keeper = await startAt(place);
    const outcome = await runOf(keeper).outcome;
    expect(outcome).toMatchObject({ ...CANCELLED, value: { signal: 'SIGKILL' } });
    expectNothingLeft(keeper, place);
  });

  test('after its deadline, while the command was being stopped, leaving it timed out', async () => {
    const place = new CommandPlace();
    const command = place.stubborn({ killGraceMs: 700 });
    const first = await place.keeperWith(command, { deadlineMs: 500 });
    await until(() => place.lines.includes('asked'));
    await first.kill();
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({
      state: 'timed_out',
      reason: 'deadline',
      value: { signal: 'SIGKILL' },
    });
    expectNothingLeft(keeper, place);
  });

  test('after it was stopped before it was begun, leaving it never to be', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    folder.stop = { state: 'cancelled', reason: 'cancelled', note: 'not needed' };
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(CANCELLED);
    expect(place.lines).toEqual([]);
    expectNothingLeft(keeper, place);
  });

  test('after it was stopped for a reason that this one does not know', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    begin(folder, undefined);
    folder.stop = { state: 'tired', reason: 'of_it_all' };
    exit(folder, 7);
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject({
      state: 'interrupted',
      reason: 'stopped',
      value: { exitCode: 7 },
    });
  });
});

describe('a host that is found', () => {
  test('as the command ends, and says so together with what it runs', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    begin(folder, undefined);
    const host = createServer((socket) => {
      exit(folder, 7);
      const hello = { type: 'hello', running: [folder.name] };
      const ended = { type: 'ended', attempt: folder.name, end: folder.end };
      socket.on('error', () => {});
      socket.write(`${JSON.stringify(hello)}\n${JSON.stringify(ended)}\n`);
    }).listen(makePlace(place.spool));
    await once(host, 'listening');
    const keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    await keeper.stop();
    host.close();
  });
});

describe('a host that died', () => {
  test('while the command ran, leaving it alive and its end unknown', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.patient());
    await until(() => place.lines.length > 0);
    await place.killHost();
    expect(place.attemptsAlive).toBe(1);
    expect(run.state).toBe('running');
    expect(keeper.getStatus().activeRuns).toBe(1);
    place.go();
    expect(await run.outcome).toMatchObject(ORPHANED);
    expect(place.lines).toEqual(['began']);
    expectNothingLeft(keeper, place);
  });

  test('while the command was being stopped, leaving it to be killed in its time', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.stubborn({ killGraceMs: 700 }));
    for await (const _ of run.output({ follow: true })) break;
    const cancelled = run.cancel();
    await until(() => place.lines.includes('asked'));
    await place.killHost();
    expect(await cancelled).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
    expectNothingLeft(keeper, place);
  });

  test('leaving the next command to the next host', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const first = await session.run(place.script('true'));
    expect(await first.outcome).toMatchObject({ state: 'succeeded' });
    await place.killHost();
    const second = await session.run(place.script('exit 3'));
    expect(await second.outcome).toMatchObject({ state: 'failed', value: { exitCode: 3 } });
    expect(place.hosts.length).toBe(1);
    expect(place.lines).toEqual(['began', 'began']);
  });

  test('ending what follows the output of its command', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.patient());
    let text = '';
    for await (const record of run.output({ follow: true })) {
      text += record.text;
      await place.killHost();
      place.go();
    }
    expect(text).toBe('begun\n');
    expect(await run.outcome).toMatchObject(ORPHANED);
  });
});

describe('a keeper and its host that both died', () => {
  test('while the command ran, leaving it to be watched until it is gone', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await Promise.all([first.kill(), place.killHost()]);
    await using keeper = await startAt(place);
    expect(runOf(keeper)).toMatchObject({ sessionId: 's1', state: 'running' });
    expect(keeper.getStatus()).toMatchObject({ activeRuns: 1, activeSessions: 1 });
    place.go();
    expect(await runOf(keeper).outcome).toMatchObject(ORPHANED);
    expect(await printed(runOf(keeper))).toBe('begun\n');
    expect(place.lines).toEqual(['began']);
    expectNothingLeft(keeper, place);
  });

  test('after the command had ended, leaving the outcome', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    place.go();
    const [attempt = ''] = place.attempts;
    await until(() => place.hasFile(attempt, 'end.json'));
    await place.killHost();
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
    expect(await printed(runOf(keeper))).toBe('begun\ndone\n');
  });

  test('while the command was being stopped, leaving it to be stopped again', async () => {
    const place = new CommandPlace();
    const command = place.stubborn({ killGraceMs: 60_000 });
    const first = await place.program('command-stopper.mjs', command);
    await until(() => place.lines.includes('asked'));
    await Promise.all([first.kill(), place.killHost()]);
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject(CANCELLED);
    expectNothingLeft(keeper, place);
  });

  test('while the command was being stopped, leaving it to be killed in its time', async () => {
    const place = new CommandPlace();
    const command = place.stubborn({ killGraceMs: 700 });
    const first = await place.program('command-stopper.mjs', command);
    await until(() => place.lines.includes('asked'));
    await Promise.all([first.kill(), place.killHost()]);
    await using keeper = await startAt(place);
    expect(await runOf(keeper).outcome).toMatchObject(CANCELLED);
    expectNothingLeft(keeper, place);
  });

  test('after the mark, with a process that nobody has written down', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    const tag = makeAttempt(folder, command);
    begin(folder, undefined);
    place.stray(tag, place.waits);
    await until(() => place.alive.length > 0);
    await using keeper = await startAt(place);
    expect(runOf(keeper).state).toBe('running');
    expect(await runOf(keeper).cancel()).toMatchObject({ state: 'cancelled' });
    expectNothingLeft(keeper, place);
  });

  test('with a process that has its pid by chance, which is left alone', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    const stranger = place.stray('of somebody else', place.waits);
    await until(() => place.alive.length > 0);
    const pid = stranger.pid ?? 0;
    const { startTicks = 0, bootId = null } = identify(pid) ?? {};
    begin(folder, { pid, startTicks: startTicks - 1, bootId });
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject(ORPHANED);
    expect(stranger.exitCode).toBeNull();
    expect(place.attemptsAlive).toBe(1);
  });

  test('with the machine, whose next boot has given the pid to another', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    const stranger = place.stray('of this boot', place.waits);
    await until(() => place.alive.length > 0);
    const identity = identify(stranger.pid ?? 0);
    begin(folder, identity && { ...identity, bootId: 'another boot' });
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject(ORPHANED);
    expect(place.attemptsAlive).toBe(1);
  });
});

describe('orphans: kill', () => {
  test('ending a command that its host still has', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'interrupted' });
    expect(place.lines).toEqual(['began']);
    expectNothingLeft(keeper, place);
  });

  test('ending a command that has lost its host', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.stubborn({ killGraceMs: 60_000 }));
    await Promise.all([first.kill(), place.killHost()]);
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject(ORPHANED);
    expectNothingLeft(keeper, place);
  });

  test('leaving the outcome of one that had ended', async () => {
    const place = new CommandPlace();
    const command = place.patient();
    const folder = commitIntent(place, command);
    makeAttempt(folder, command);
    begin(folder, undefined);
    exit(folder, 7);
    await using keeper = await startAt(place, 'kill');
    expect(await runOf(keeper).outcome).toMatchObject(EXITED);
  });
});
