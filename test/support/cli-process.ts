/**
 * The command line in a process of its own, with the built package.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(import.meta.dirname, '../../dist/src/cli/main.js');

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
  /** Its exit status. */
  readonly code: number;
}

interface CliPlace {
  /** The folder in which it is started. */
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Resolves when it has ended, however. */
export async function slotkeeper(
  args: readonly string[],
  { cwd, env = {} }: CliPlace = {},
): Promise<Said> {
  const options = { cwd, env: { PATH: process.env.PATH, ...env } };
  const run = promisify(execFile)(process.execPath, [MAIN, ...args], options);
  const failed = (error: Said) => error;
  const { stdout, stderr, code } = await run.then((ended) => ({ ...ended, code: 0 }), failed);
  return { stdout, stderr, code };
}
