/**
 * A process that hammers a limiter with a journal on disk until it is killed, with the built package.
 *
 * Its argument is a `HammerOrder` (`life.ts`). It says `opening`, then `ready` with what it has found; once
 * it is told to go, every ask before it is asked and every answer after it has come (`hammer-report.mjs`).
 */
import { once } from 'node:events';
import Database from 'better-sqlite3';
import { startConcurrencyLimiter } from 'slotkeeper';
import { Chance } from './chance.mjs';
import { changeLimits, Watch } from './hammer-limits.mjs';
import { Report } from './hammer-report.mjs';
import { Hammerer } from './hammerer.mjs';

const CALLERS = 500;
const { path, durability, limits, retained, life, seed } = JSON.parse(process.argv[2]);
const report = new Report();

/** Loaded by now, so that a start is timed without it, and kills meet the start and not the loading. */
new Database(':memory:').close();

async function open() {
  report.say('opening');
  const begunAt = performance.now();
  const limiter = await startConcurrencyLimiter({
    limits,
    journal: { path, durability },
    retention: { maxCount: retained },
  });
  const tookMs = performance.now() - begunAt;
  const held = [...limiter.list()];
  report.say('ready', { tookMs, held, limits: limiter.getLimits(), status: limiter.getStatus() });
  return { limiter, held };
}

const { limiter, held } = await open();
await once(process.stdin, 'data');
report.watch = new Watch(limiter, report);
const chance = new Chance(seed);
changeLimits(limiter, report, new Chance(chance.below(2 ** 32)));
for (let number = 0; number < CALLERS; number += 1) {
  const callersChance = new Chance(chance.below(2 ** 32));
  new Hammerer({ limiter, report, chance: callersChance, number, life, held }).work();
}
