/**
 * Three children at once, each a process of its own, and what they say in their order:
 * `three-children.mjs WORD WORD WORD`.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const shouting = 'console.log(process.argv[1].toUpperCase())';
const words = process.argv.slice(2);
const said = await Promise.all(words.map((word) => run('node', ['-e', shouting, word])));
process.stdout.write(said.map(({ stdout }) => stdout).join(''));
