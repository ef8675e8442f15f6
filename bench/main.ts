/**
 * `npm run bench`: the project's numbers, as ratios against what stands beside them in the same run.
 * `npm run bench -- limiter` runs one part, `npm run bench -- limiter/pairs` one section of it.
 *
 * Each section has a process of its own: what one has made of the heap, and what the compiler has
 * learnt from it, weighs on no other. Both sides of a ratio are always of the same section.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ROUNDS } from './harness.ts';
import { SECTIONS } from './sections.ts';

const names = [...SECTIONS.keys()];
const asked = process.argv.slice(2);
const isMeant = (name: string, part: string): boolean =>
  name === part || name.startsWith(`${part}/`);

async function runApart(name: string): Promise<void> {
  const section = fork(join(import.meta.dirname, 'section.js'), [name]);
  const [code, signal] = await once(section, 'exit');
  if (code !== 0) throw new Error(`${name} has ended with ${code ?? signal}`);
}

const unknown = asked.find((part) => !names.some((name) => isMeant(name, part)));
if (unknown !== undefined) {
  throw new Error(`no part of the benchmark is called ${unknown}: ${names.join(', ')}`);
}
console.log(
  `Node ${process.version}, ${cpus().length} processors; medians of ${ROUNDS} rounds where no table says otherwise`,
);
for (const name of names) {
  if (asked.length === 0 || asked.some((part) => isMeant(name, part))) await runApart(name);
}
