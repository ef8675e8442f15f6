/**
 * The environment of a command: what is on the list, what was asked for, and its tag. Nothing else of this
 * process, whose environment may hold its secrets, reaches what it starts.
 */
import { TAG } from './process-table.ts';

/** What a program needs to find others, to know who runs it, and to speak his language. */
const INHERITED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'TZ', 'LANG', 'TERM'];
const INHERITED_GROUP = /^LC_/;

/** Where a process has none, programs are found all the same. */
const PATH = '/usr/local/bin:/usr/bin:/bin';

export function environmentOf(
  asked: Readonly<Record<string, string>>,
  tag: string,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const environment: Record<string, string> = { PATH };
  const group = Object.keys(own).filter((name) => INHERITED_GROUP.test(name));
  // To read a variable of the process is a call into the system, so only those are read that are wanted.
  for (const name of [...INHERITED, ...group]) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...asked, [TAG]: tag };
}
