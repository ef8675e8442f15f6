/**
 * What a command has come to, as the outcome of its run tells it.
 */
import { join } from 'node:path';
import { SlotkeeperError } from '../fault.ts';
import type { AttemptFolder } from './attempt-folder.ts';
import type { CommandEnd } from './command-process.ts';
import type {
  CommandResult,
  KeptOutput,
  OutputStream,
  WorkEnd,
  WorkPlace,
  WrittenFailure,
} from './executor.ts';

/** It ran, and did not exit with 0. */
export class CommandError extends SlotkeeperError<'command_failed'> {
  override readonly name: string = 'CommandError';
  readonly result: CommandResult;

  constructor(result: CommandResult) {
    const { exitCode, signal } = result;
    const how = signal === null ? `exited with ${exitCode}` : `died of ${signal}`;
    super('command_failed', `The command ${how}`, { exitCode, signal });
    this.result = result;
  }
}

/** The end of the work, from the end of the process. */
export function workEndOf(folder: AttemptFolder, end: CommandEnd): WorkEnd {
  if (end.fault !== null) return { state: 'failed', error: notStarted(end.fault) };
  const value = resultOf(folder, end);
  const hasSucceeded = end.exitCode === 0 && end.signal === null;
  if (hasSucceeded) return { state: 'succeeded', value };
  return { state: 'failed', error: new CommandError(value), value };
}

export function notStarted(why: string, cause?: unknown): SlotkeeperError<'command_not_started'> {
  const text = `The command could not be started: ${why}`;
  return new SlotkeeperError('command_not_started', text, {}, cause);
}

/** A failure that was written down, as it was. */
export function failureOf({ code, message, details }: WrittenFailure, value: unknown): Error {
  // Whatever ends with this code has a result.
  if (code === 'command_failed') return new CommandError(value as CommandResult);
  return code === undefined ? new Error(message) : new SlotkeeperError(code, message, details);
}

function resultOf(folder: AttemptFolder, end: CommandEnd): CommandResult {
  const { exitCode, signal, output, startedAt, endedAt, killed } = end;
  const kept = (stream: OutputStream): KeptOutput => {
    return { path: join(folder.path, stream), ...output[stream] };
  };
  const outputs = { stdout: kept('stdout'), stderr: kept('stderr'), outputFault: output.fault };
  return { exitCode, signal, ...outputs, killed, startedAt, endedAt };
}

/** It could not even be begun. */
export function failed(place: WorkPlace, error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  setImmediate(() => place.gone({ state: 'failed', error: notStarted(why, error) }));
}
