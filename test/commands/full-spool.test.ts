/**
 * A disk that has no room for what commands print: they go on, and their outcomes are true.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { type CommandResult, type Run, startSlotkeeper } from 'slotkeeper';
import { describe, expect } from 'vitest';
import { CommandPlace, until } from '../support/command-place.ts';
import { fillUp, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

const startAt = ({ path }: CommandPlace, spoolDir: string) =>
  startSlotkeeper({ journal: { path }, spoolDir });

/** Until its output has begun. */
async function atWork(run: Run): Promise<void> {
  for await (const _ of run.output({ follow: true })) break;
}

describe('a spool without room', () => {
  testWithMount('keeping the outcome of a command that has filled it', async () => {
    const spoolDir = mountTmpfs('1m');
    const place = new CommandPlace(undefined, spoolDir);
    await using keeper = await startAt(place, spoolDir);
    const session = await keeper.openSession();
    const run = await session.run(place.script('head -c 3000000 /dev/zero; exit 7'));
    const outcome = await run.outcome;
    expect(outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    const { outputFault, stdout } = ('value' in outcome && outcome.value) as CommandResult; // as above
    expect(outputFault).toContain('ENOSPC');
    expect(stdout).toMatchObject({ isTruncated: true });
    expect(keeper.getStatus().activeRuns).toBe(0);
  });

  testWithMount('keeping the outcome for the next keeper', async () => {
    const spoolDir = mountTmpfs('1m');
    const place = new CommandPlace(undefined, spoolDir);
    const script = `echo begun; ${place.waits}; head -c 3000000 /dev/zero; echo filled >> ${place.ledger}; exit 7`;
    const first = await place.program(
      'command-keeper.mjs',
      place.script(script),
      {},
      {},
      { spoolDir },
    );
    await first.kill();
    place.go();
    await until(() => place.lines.includes('filled') && place.alive.length === 0);
    await using keeper = await startAt(place, spoolDir);
    const outcome = await keeper.getRun('r1')?.outcome;
    expect(outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    expect(place.begun).toBe(1);
  });

  testWithMount('failing a run whose attempt finds no room, and freeing its slot', async () => {
    const spoolDir = mountTmpfs('1m');
    const place = new CommandPlace(undefined, spoolDir);
    const makeRoom = fillUp(spoolDir);
    await using keeper = await startAt(place, spoolDir);
    const session = await keeper.openSession();
    const run = await session.run(place.script('true'));
    const outcome = await run.outcome;
    expect(outcome).toMatchObject({ state: 'failed', error: { code: 'command_not_started' } });
    expect(String('error' in outcome && outcome.error)).toContain('ENOSPC');
    expect(keeper.getStatus().activeRuns).toBe(0);
    expect(place.begun).toBe(0);
    makeRoom();
    const next = await session.run(place.script('true'));
    expect(await next.outcome).toMatchObject({ state: 'succeeded' });
  });

  testWithMount('failing a run for whose output there is none, and nobody else', async () => {
    const spoolDir = mountTmpfs('1m');
    const place = new CommandPlace(undefined, spoolDir);
    await using keeper = await startAt(place, spoolDir);
    const session = await keeper.openSession();
    const other = await session.run(place.patient());
    await atWork(other);
    // For its order, its end and perhaps its mark, and not for what the host has to make besides.
    for (let bytes = 0; bytes <= 10 * 4_096; bytes += 4_096) {
      const makeRoom = fillUp(spoolDir, bytes);
      const run = await session.run(place.script('echo it'));
      const outcome = await run.outcome;
      expect(['succeeded', 'failed']).toContain(outcome.state);
      if (outcome.state === 'failed')
        expect(outcome.error).toMatchObject({ code: 'command_not_started' });
      makeRoom();
    }
    place.go();
    expect(await other.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    expect(keeper.getStatus().activeRuns).toBe(0);
  });
});
