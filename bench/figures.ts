/**
 * `npm run figures`: draws the figures of the guides, into `docs/figures` or the folder that is named.
 * They are drawn from runs on a simulated clock, so each run draws the same.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fairnessFigure } from './fairness-figure.ts';

const [, , folder = join(import.meta.dirname, '..', '..', 'docs', 'figures')] = process.argv;

writeFileSync(join(folder, 'fairness.svg'), await fairnessFigure());
