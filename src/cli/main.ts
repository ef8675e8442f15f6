#!/usr/bin/env node
/**
 * The command `slotkeeper`.
 *
 * Exit status: 0 done, 1 it could not be done (the message says why, with a code), 2 it was asked wrongly, 65
 * the input is no work, 78 its configuration cannot be (EX_DATAERR and EX_CONFIG of sysexits). `run` has more.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { SlotkeeperError } from '../fault.ts';
import { addConfigCommand } from './config-command.ts';
import { addExplainCommand } from './explain-command.ts';
import { addKeysCommand } from './keys-command.ts';
import { addListCommand } from './list-command.ts';
import { addRunCommand } from './run/add-run-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addStatusCommand } from './status-command.ts';

const FAILED = 1;
const ASKED_WRONGLY = 2;
const BAD_INPUT = 65;
const BADLY_CONFIGURED = 78;

const STATUS_OF: ReadonlyMap<string, number> = new Map([
  ['bad_template', ASKED_WRONGLY],
  ['invalid_key', ASKED_WRONGLY],
  ['input_missing', ASKED_WRONGLY],
  ['bad_input', BAD_INPUT],
  ['input_unavailable', BAD_INPUT],
  ['invalid_config', BADLY_CONFIGURED],
]);

function program(): Command {
  const { version } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string }; // the package's own
  const command = new Command('slotkeeper')
    .description('Slots that are never leaked, doubled or forgotten')
    .version(version)
    .showHelpAfterError()
    .exitOverride();
  addConfigCommand(command);
  addRunCommand(command);
  addServeCommand(command);
  addStatusCommand(command);
  addKeysCommand(command);
  addListCommand(command);
  addExplainCommand(command);
  return command;
}

try {
  await program().parseAsync();
} catch (error) {
  // Also where something has begun: what could not be done is not gone on with.
  process.exit(statusOf(error));
}

function statusOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ASKED_WRONGLY;
  if (!(error instanceof SlotkeeperError)) throw error;
  console.error(`slotkeeper: ${error.message} [${error.code}]`);
  return STATUS_OF.get(error.code) ?? FAILED;
}
