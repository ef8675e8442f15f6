/**
 * Runs that were adopted are runs like all others: they are timed out, cancelled, paused, and end with their
 * session and with their keeper.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type Run, type Slotkeeper, startSlotkeeper } from 'slotkeeper';
import { describe, expect, test, vi } from 'vitest';
import { CommandPlace, until } from '../support/command-place.ts';
import { age, commitIntent } from '../support/command-states.ts';
import { freshFolder } from '../support/journal-places.ts';

const AN_HOUR = 3_600_000;

const startAt = ({ path }: CommandPlace) => startSlotkeeper({ journal: { path } });
const runOf = (keeper: Slotkeeper): Run => keeper.getRun('r1') as Run; // it is there, or the test fails

function expectNothingLeft(keeper: Slotkeeper, place: CommandPlace): void {
  expect(keeper.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
  expect(place.alive).toEqual([]);
}

/** A command is at work, and its keeper is dead; perhaps its host too. */
async function left(
  place: CommandPlace,
  isHostDead: boolean,
  run = {},
  session = {},
): Promise<void> {
  const keeper = await place.keeperWith(place.patient(), run, session);
  await keeper.kill();
  if (isHostDead) await place.killHost();
}

describe.each([
  ['that its host still has', false],
  ['that has lost its host', true],
])('an adopted run %s', (_, isHostDead) => {
  test('being cancelled', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead);
    await using keeper = await startAt(place);
    expect(await runOf(keeper).cancel()).toMatchObject({ state: 'cancelled', reason: 'cancelled' });
    expectNothingLeft(keeper, place);
    expect(place.lines).toEqual(['began']);
  });

  test('being paused and resumed', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead);
    await using keeper = await startAt(place);
    const run = runOf(keeper);
    await until(() => run.state === 'running');
    run.pause();
    await until(() => place.areResting);
    run.resume();
    place.go();
    expect((await run.outcome).state).toBe(isHostDead ? 'interrupted' : 'failed');
    expectNothingLeft(keeper, place);
  });

  test('going on when it was paused as its keeper died', async () => {
    const place = new CommandPlace();
    const keeperProgram = await place.program('command-pauser.mjs', place.patient());
    await until(() => place.areResting);
    await keeperProgram.kill();
    if (isHostDead) await place.killHost();
    await using keeper = await startAt(place);
    expect(runOf(keeper).isPaused).toBe(false);
    place.go();
    expect((await runOf(keeper).outcome).state).toBe(isHostDead ? 'interrupted' : 'failed');
    expectNothingLeft(keeper, place);
  });

  test('being timed out at once when its deadline has passed meanwhile', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead, { deadlineMs: AN_HOUR });
    age(place, AN_HOUR);
    await using keeper = await startAt(place);
    const outcome = await runOf(keeper).outcome;
    expect(outcome).toMatchObject({ state: 'timed_out', reason: 'deadline' });
    expectNothingLeft(keeper, place);
  });

  test('ending with its session', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead);
    await using keeper = await startAt(place);
    const report = await keeper.getSession('s1')?.close();
    expect(report).toMatchObject({ isComplete: true });
    expect(await runOf(keeper).outcome).toMatchObject({ reason: 'session_released' });
    expectNothingLeft(keeper, place);
  });

  test('ending with its keeper, whose successor finds how it ended, and nothing left', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead);
    const keeper = await startAt(place);
    const run = runOf(keeper);
    expect(await keeper.stop()).toMatchObject({ isComplete: true, abandoned: [] });
    expect(await run.outcome).toMatchObject({ state: 'interrupted', reason: 'shutdown' });
    expect(place.alive).toEqual([]);
    await using next = await startAt(place);
    expect(next.getRun('r1')).not.toBe(run);
    expect(await next.getRun('r1')?.outcome).toEqual(await run.outcome);
    expect(next.getStatus()).toMatchObject({ activeRuns: 0, activeSessions: 0 });
  });

  test('ending with its session that has become too old meanwhile', async () => {
    const place = new CommandPlace();
    await left(place, isHostDead, {}, { maxLifetimeMs: AN_HOUR });
    age(place, AN_HOUR);
    await using keeper = await startAt(place);
    const outcome = await runOf(keeper).outcome;
    expect(outcome).toMatchObject({ state: 'cancelled', reason: 'max_lifetime' });
    expect(await keeper.getSession('s1')?.closed).toMatchObject({ reason: 'max_lifetime' });
    expectNothingLeft(keeper, place);
    expect(keeper.getStatus().activeSessions).toBe(0);
  });
});

describe('an adopted run', () => {
  test('keeping a session whose slot the limiter was asked for directly', async () => {
    const place = new CommandPlace();
    commitIntent(place, place.patient(), { hasTerms: false });
    await using keeper = await startAt(place);
    place.go();
    expect(runOf(keeper)).toMatchObject({ sessionId: 's1' });
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    expectNothingLeft(keeper, place);
  });

  test('being found whatever way leads to its journal', async () => {
    const place = new CommandPlace();
    await left(place, false);
    const way = join(freshFolder(), 'way');
    symlinkSync(place.path, way);
    await using keeper = await startSlotkeeper({ journal: { path: way } });
    place.go();
    expect(await runOf(keeper).outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    expect(place.lines).toEqual(['began']);
  });

  test('being found where it is by a keeper with another spool, and not begun again', async () => {
    const place = new CommandPlace();
    await left(place, false);
    const spoolDir = freshFolder();
    await using keeper = await startSlotkeeper({ journal: { path: place.path }, spoolDir });
    const run = runOf(keeper);
    place.go();
    expect(await run.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    let text = '';
    for await (const record of run.output()) text += record.text;
    expect([text, place.lines]).toEqual(['begun\ndone\n', ['began']]);
  });

  test('leaving a host whose commands have the environment of the keeper that starts them', async () => {
    const place = new CommandPlace();
    await left(place, false);
    vi.stubEnv('LC_OF_THE_TEST', 'of the second keeper');
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.script('printf "%s" "$LC_OF_THE_TEST"'));
    await run.outcome;
    let text = '';
    for await (const record of run.output()) text += record.text;
    expect(text).toBe('of the second keeper');
    place.go();
    await runOf(keeper).outcome;
    vi.unstubAllEnvs();
  });

  test('keeping its place among the limits', async () => {
    const place = new CommandPlace();
    await left(place, false);
    const limits = { maxParallelRuns: 1 };
    await using keeper = await startSlotkeeper({ journal: { path: place.path }, limits });
    const session = await keeper.openSession();
    await expect(session.run(place.script('true'))).rejects.toMatchObject({
      code: 'max_runs_exceeded',
    });
    const next = await session.run(place.script('true'), { waitTimeoutMs: Infinity });
    expect(next.state).toBe('queued');
    place.go();
    expect(await next.outcome).toMatchObject({ state: 'succeeded' });
    expect(runOf(keeper).state).toBe('failed');
  });
});
