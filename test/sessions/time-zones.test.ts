/**
 * Idle times and lifetimes in time zones: they are the same in each. A process reads its zone when it
 * starts, so each zone has a process of its own, with the built package (`npm run build`), and the suites of
 * this repository about time run in each zone besides.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';

const HOUR_MS = 3_600_000;
const TIMEOUT_MS = 60_000;
const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = join(import.meta.dirname, '../support/sessions-zone.mjs');
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');

/** Suites about idle times and lifetimes. Those of sessions that outlive their process belong here too. */
const SUITES = ['test/sessions/activity.test.ts'];

/** Each with what `getTimezoneOffset` says in it, on the morning of the 10th of March 2024. */
const ZONES = [
  ['UTC', 0],
  ['Asia/Tokyo', -540],
  ['America/Los_Angeles', 480],
] as const;

const run = promisify(execFile);

function inZone(zone: string, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, TZ: zone };
  return run(process.execPath, [...args], { cwd: ROOT, env, timeout: TIMEOUT_MS });
}

interface Told {
  readonly zone: string;
  readonly offsetMinutes: number;
  readonly looks: unknown;
  readonly times: unknown;
}

describe.each(ZONES)('in the zone %s', (zone, offsetMinutes) => {
  let told: Told;

  beforeAll(async () => {
    told = JSON.parse((await inZone(zone, [PROGRAM])).stdout);
  }, TIMEOUT_MS);

  test('being there', () => {
    expect(told).toMatchObject({ zone, offsetMinutes });
  });

  test('closing sessions at their limits, not hours before or after', () => {
    expect(told.looks).toEqual([
      { afterMs: 2 * HOUR_MS - 1, idle: 'active', old: 'active', both: 'active' },
      { afterMs: 2 * HOUR_MS, idle: 'idle_timeout', old: 'active', both: 'max_lifetime' },
      { afterMs: 24 * HOUR_MS - 1, idle: 'idle_timeout', old: 'active', both: 'max_lifetime' },
      { afterMs: 24 * HOUR_MS, idle: 'idle_timeout', old: 'max_lifetime', both: 'max_lifetime' },
    ]);
  });

  test('telling their times in UTC', () => {
    expect(told.times).toEqual({ createdAt: 0, lastActiveAt: 0 });
  });

  test.each(SUITES)('passing %s', { timeout: TIMEOUT_MS }, async (suite) => {
    // It rejects with what the suite has said if that has failed.
    const { stdout } = await inZone(zone, [VITEST, 'run', suite, '--reporter=json']);
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numFailedTests: 0 });
  });
});
