/**
 * `npm run bench`: the project's numbers, as ratios against what stands beside them in the same run.
 * `npm run bench -- limiter` runs one part.
 */
import { cpus } from 'node:os';
import { ROUNDS } from './harness.ts';
import { benchLimiter } from './limiter.ts';
import { benchOtp } from './otp.ts';

const PARTS: ReadonlyMap<string, () => Promise<void>> = new Map([
  ['otp', benchOtp],
  ['limiter', benchLimiter],
]);

const asked = process.argv.slice(2);
const unknown = asked.find((part) => !PARTS.has(part));
if (unknown !== undefined) {
  throw new Error(`no part of the benchmark is called ${unknown}: ${[...PARTS.keys()].join(', ')}`);
}
console.log(
  `Node ${process.version}, ${cpus().length} processors; medians of ${ROUNDS} rounds where no table says otherwise`,
);
for (const [part, bench] of PARTS) if (asked.length === 0 || asked.includes(part)) await bench();
