/**
 * One section of the benchmark in a process of its own: `main.ts` starts it, and says which.
 */
import { SECTIONS } from './sections.ts';

const [, , name = 'none'] = process.argv;
const bench = SECTIONS.get(name);
if (!bench) throw new Error(`no section of the benchmark is called ${name}`);
await bench();
