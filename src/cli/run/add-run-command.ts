/**
 * `slotkeeper run` as it is called: its arguments and options.
 */
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { RunCommand } from './run-command.ts';

interface RunOptions {
  readonly cmd?: string;
  readonly results?: string;
  readonly rerun: boolean;
  readonly progress: boolean;
  readonly maxSessions?: string;
  readonly maxRuns?: string;
  readonly maxRunsPerSession?: string;
  readonly journal?: string;
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .description('Run programs under the limiter, each once, and tell how each has ended')
    .argument('[work]', 'a file with one work order (JSON) per line; - for standard input', '-')
    .option('--cmd <command>', "run 'program {}' for each line of the input instead")
    .option('--results <file>', 'where the results go, one JSON object per line (default: stdout)')
    .option('--no-rerun', 'do not run again what was interrupted')
    .option('--no-progress', 'no display on the terminal')
    .option('--max-sessions <count>')
    .option('--max-runs <count>')
    .option('--max-runs-per-session <count>')
    .option('--journal <file>')
    .action(async (work: string, options: RunOptions) => {
      const limits = {
        maxParallelSessions: Number(options.maxSessions ?? Infinity),
        maxParallelRuns: Number(options.maxRuns ?? availableParallelism()),
        maxRunsPerSession: Number(options.maxRunsPerSession ?? Infinity),
      };
      process.exitCode = await new RunCommand({
        work,
        template: options.cmd,
        results: options.results,
        isRerunning: options.rerun,
        isQuiet: !options.progress,
        limits,
        journal: options.journal === undefined ? undefined : { path: options.journal },
        spoolDir: undefined,
      }).run();
    });
}
