/**
 * `npm run bench`: the project's numbers, as ratios against what stands beside them in the same run.
 */
import { cpus } from 'node:os';
import { ROUNDS } from './harness.ts';
import { benchOtp } from './otp.ts';

console.log(`Node ${process.version}, ${cpus().length} processors; medians of ${ROUNDS} rounds`);
await benchOtp();
