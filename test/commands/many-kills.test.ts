/**
 * Keepers that are killed again and again while commands run: each command runs once, ends as it ends, and
 * there are never more of them than the limit allows.
 *
 * On the built package, with real processes: `npm test` builds first. `TORTURE_SEED` chooses other moments;
 * `TORTURE=1` chooses new ones, and more commands.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { startSlotkeeper } from 'slotkeeper';
import { describe, expect, test } from 'vitest';
import { CommandPlace, type KilledKeeper, until } from '../support/command-place.ts';
import { SeededChance } from '../support/seeded-chance.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const FIXED_SEED = 20_261_121;
const SEED = Number(env.TORTURE_SEED ?? (IS_TORTURE ? Date.now() % 2 ** 31 : FIXED_SEED));
const COMMANDS = IS_TORTURE ? 120 : 30;
const TIMEOUT_MS = IS_TORTURE ? 600_000 : 90_000;
const LIMIT = 3;

describe('a keeper that is killed twenty times', () => {
  test('losing nothing of its long command', { timeout: TIMEOUT_MS }, async () => {
    const place = new CommandPlace();
    const ticks = `n=0; while [ ! -e ${place.signal} ]; do n=$((n+1)); echo $n; sleep 0.05; done; exit 7`;
    const first = await place.keeperWith(place.script(ticks));
    await first.kill();
    for (let kills = 1; kills < 20; kills += 1) {
      const keeper = await place.program('command-adopter.mjs');
      await keeper.kill();
    }
    await using keeper = await startSlotkeeper({ journal: { path: place.path } });
    const run = keeper.getRun('r1');
    expect(run).toMatchObject({ state: 'running', sessionId: 's1' });
    place.go();
    expect(await run?.outcome).toMatchObject({ state: 'failed', value: { exitCode: 7 } });
    let text = '';
    for await (const record of run?.output() ?? []) text += record.text;
    const numbers = text.trim().split('\n').map(Number);
    expect(numbers).toEqual(numbers.map((_, at) => at + 1));
    expect(place.begun).toBe(1);
    expect(place.alive).toEqual([]);
  });
});

/** Kills it when the ledger has grown by some lines, and a little later; or it ends by itself. */
async function killSomewhere(keeper: KilledKeeper, place: CommandPlace, chance: SeededChance) {
  const enough = place.lines.length + 1 + chance.below(12);
  await until(() => keeper.isOver || place.lines.length >= enough);
  await sleep(chance.below(40));
  await keeper.kill();
}

/** How many were at work at once, as they say themselves: who is over has said so before his slot was free. */
function mostAtOnce(lines: readonly string[]): number {
  let [now, most] = [0, 0];
  for (const line of lines) {
    if (line.startsWith('begun ')) now += 1;
    if (line.startsWith('over ')) now -= 1;
    most = Math.max(most, now);
  }
  return most;
}

function isTrue(line: string): boolean {
  const [, run = '', state, exitCode] = line.split(' ');
  const code = Number(run.slice(1)) % 3;
  return state === (code === 0 ? 'succeeded' : 'failed') && exitCode === String(code);
}

/** Nobody has seen how it ended. */
function isUnknown(line: string): boolean {
  return line.split(' ')[2] === 'interrupted';
}

describe.each([
  ['keepers', 0],
  ['keepers, and now and then their host,', 3],
])(`${COMMANDS} commands under %s that are killed at any moment`, (_, hostKillOneIn) => {
  test(`being run once each, three at a time, seed ${SEED}`, { timeout: TIMEOUT_MS }, async () => {
    const place = new CommandPlace();
    const chance = new SeededChance(SEED);
    const commands = Array.from({ length: COMMANDS }, (_, at) => {
      const line = (word: string) => `echo "${word} r${at}" >> ${place.ledger}`;
      const text = `${line('begun')}; sleep 0.1; ${line('over')}; exit ${at % 3}`;
      return place.script(text, { isCounted: false });
    });
    let [isOver, mostAlive, keepers] = [false, 0, 0];
    // Nobody tells when a command begins or ends: who looks from outside can only look often.
    const watching = (async () => {
      for (; !isOver; await sleep(20)) mostAlive = Math.max(mostAlive, place.attemptsAlive);
    })();
    for (; place.lines.filter((line) => line.startsWith('over')).length < COMMANDS; keepers += 1) {
      const keeper = await place.program('command-crowd.mjs', place.ledger, commands, LIMIT);
      await killSomewhere(keeper, place, chance);
      if (hostKillOneIn > 0 && chance.below(hostKillOneIn) === 0) await place.killHosts();
    }
    await using last = await startSlotkeeper({ journal: { path: place.path } });
    await Promise.all(
      [...last.sessions()].flatMap((one) => [...one.runs()].map((run) => run.outcome)),
    );
    isOver = true;
    await watching;

    const { lines } = place;
    const told = (word: string) => lines.filter((line) => line.startsWith(`${word} `));
    expect(new Set(told('begun')).size).toBe(COMMANDS);
    expect(told('begun').length).toBe(COMMANDS);
    expect(told('over').length).toBe(COMMANDS);
    const untrue = told('outcome').filter((line) => !isTrue(line));
    expect(hostKillOneIn > 0 ? untrue.filter((line) => !isUnknown(line)) : untrue).toEqual([]);
    expect(keepers).toBeGreaterThan(3);
    expect(mostAtOnce(lines)).toBeLessThanOrEqual(LIMIT);
    expect(mostAlive).toBeLessThanOrEqual(LIMIT);
    expect(last.getStatus()).toMatchObject({ activeRuns: 0, stuckRuns: 0 });
    expect(place.alive).toEqual([]);
  });
});
