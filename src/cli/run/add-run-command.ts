/**
 * `slotkeeper run` as it is called: its arguments and options.
 */
import type { Command } from 'commander';
import { SlotkeeperError } from '../../fault.ts';
import { addConfigFlags, type ConfigOptions, configOf } from '../config-flags.ts';
import { RunCommand } from './run-command.ts';
import { settingsOf, type WorkOptions } from './run-settings.ts';

type RunOptions = WorkOptions & ConfigOptions;

export function addRunCommand(program: Command): void {
  const command = program
    .command('run')
    .description('Run programs under the limiter, each once, and tell how each has ended')
    .argument('[work]', 'a file with one work order (JSON) per line; - is standard input')
    .option('--cmd <command>', "run 'program {}' for each line of the input instead")
    .option('--results <file>', 'where the results go, one JSON object per line; else to stdout')
    .option('--no-rerun', 'do not run again what was interrupted')
    .option('--no-progress', 'no display on the terminal');
  addConfigFlags(command).action(async (work: string | undefined, options: RunOptions) => {
    const { cmd, results, rerun, progress, ...flags } = options;
    const config = await configOf(flags, 'run');
    const settings = settingsOf(inputOf(work), { cmd, results, rerun, progress }, config);
    process.exitCode = await new RunCommand(settings).run();
  });
}

/** Nobody types work orders: a terminal that is left to be read is one that was forgotten. */
function inputOf(work: string | undefined): string {
  if (work === undefined && process.stdin.isTTY) {
    const text = 'Expected the file with the work, or - for what is typed here';
    throw new SlotkeeperError('input_missing', text);
  }
  return work ?? '-';
}
