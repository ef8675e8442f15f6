/**
 * The lines of a file, sorted by their bytes, each told once: `sorted-lines.mjs FILE`.
 */
import { readFileSync } from 'node:fs';

const lines = readFileSync(process.argv[2], 'latin1').split('\n').slice(0, -1);
const sorted = [...new Set(lines)].sort((a, b) => (a < b ? -1 : 1));
process.stdout.write(sorted.map((line) => `${line}\n`).join(''), 'latin1');
