/**
 * Children of a command host that is dead, which have not become their programs yet.
 *
 * Between `fork` and `exec` a child is a copy of its host: it has its command line and its environment, and so no tag.
 * It is told from a host by this: of all the threads of a process its child has one, and a Node that runs has several;
 * and its parent is no host. One that a host has which lives is that host's to look after.
 */
import { allPids, type ProcessProgram, programOf } from './process-table.ts';

/** The end of the path of the host's program, compiled or not. */
const HOST = /\/command-host-main\.[jt]s$/;

/** Whether the dead hosts of this spool have left one. A Node that has just been started looks alike for a moment. */
export function hasUnborn(spoolDir: string): boolean {
  const alike = new Map<number, ProcessProgram>();
  for (const pid of allPids()) {
    const program = programOf(pid);
    if (program && isOfHost(program, spoolDir)) alike.set(pid, program);
  }
  return [...alike.values()].some(({ parent, threads }) => threads === 1 && !alike.has(parent));
}

function isOfHost({ argv: [, program = '', spool] }: ProcessProgram, spoolDir: string): boolean {
  return HOST.test(program) && spool === spoolDir;
}
