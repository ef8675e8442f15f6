/**
 * A host that hangs without dying: its keeper does not hang with it, and a slot is free only when the command is
 * gone that it had.
 *
 * On the built package, with real processes: `npm test` builds first.
 */
import { type Run, startSlotkeeper } from 'slotkeeper';
import { describe, expect, test } from 'vitest';
import { CommandPlace, until } from '../support/command-place.ts';

const startAt = ({ path }: CommandPlace) => startSlotkeeper({ journal: { path } });
const ORPHANED = { state: 'interrupted', reason: 'orphaned' };

/** It answers nobody any more, and holds its socket. */
function hang({ hosts }: CommandPlace): number {
  const [host = 0] = hosts;
  process.kill(host, 'SIGSTOP');
  return host;
}

/** Its run holds its slot until it is gone, and another one runs in another host. */
async function expectOrphan(place: CommandPlace, keeper: Keeper, run: Run): Promise<void> {
  expect(run.state).toBe('running');
  const session = await keeper.openSession();
  const other = await session.run(place.script('exit 3'));
  expect(await other.outcome).toMatchObject({ state: 'failed', value: { exitCode: 3 } });
  expect(place.hosts.length).toBe(1);
  expect(keeper.getStatus().activeRuns).toBe(1);
  expect(place.attemptsAlive).toBe(1);
  place.go();
  expect(await run.outcome).toMatchObject(ORPHANED);
  expect(keeper.getStatus().activeRuns).toBe(0);
  expect(place.alive).toEqual([]);
}

type Keeper = Awaited<ReturnType<typeof startSlotkeeper>>;

describe('a host that hangs', () => {
  test('while its keeper is there, being killed, and its command watched until it is gone', async () => {
    const place = new CommandPlace();
    await using keeper = await startAt(place);
    const session = await keeper.openSession();
    const run = await session.run(place.patient());
    for await (const _ of run.output({ follow: true })) break;
    const host = hang(place);
    await until(() => !place.hosts.includes(host));
    await expectOrphan(place, keeper, run);
  });

  test('as the next keeper comes, being killed, and its command watched until it is gone', async () => {
    const place = new CommandPlace();
    const first = await place.keeperWith(place.patient());
    await first.kill();
    const host = hang(place);
    await using keeper = await startAt(place);
    await until(() => !place.hosts.includes(host));
    await expectOrphan(place, keeper, keeper.getRun('r1') as Run); // it was adopted
  });
});
