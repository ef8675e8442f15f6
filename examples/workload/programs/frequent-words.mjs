/**
 * The most frequent words of a file: `frequent-words.mjs FILE COUNT`. One line each: how often, which.
 */
import { readFileSync } from 'node:fs';

const [file, count] = process.argv.slice(2);
const words =
  readFileSync(file, 'utf8')
    .toLowerCase()
    .match(/[a-z]+/g) ?? [];
const counts = new Map();
for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
for (const [word, often] of byCount.slice(0, Number(count))) console.log(`${often} ${word}`);
