/**
 * A command that is a child of this process, and ends with it.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { AttemptFolder } from './attempt-folder.ts';
import type { CompleteCommand } from './command-order.ts';
import { type CommandEnd, CommandProcess } from './command-process.ts';
import { failed, workEndOf } from './command-result.ts';
import type { Work, WorkPlace } from './executor.ts';

/** Those at work in this process. When it exits they are killed; its signals are none of ours. */
const atWork = new Map<CommandProcess, string>();

export class LocalWork implements Work {
  private command: CommandProcess | undefined;

  constructor(folder: AttemptFolder, command: CompleteCommand, place: WorkPlace) {
    try {
      const tag = randomUUID();
      makeSpool(folder.spoolDir);
      const gone = (end: CommandEnd): void => {
        if (this.command) rest(this.command);
        place.gone(workEndOf(folder, end));
      };
      this.command = new CommandProcess(command, { folder: folder.path, tag, gone });
      watch(this.command, folder.path);
    } catch (error) {
      failed(place, error);
    }
  }

  stop(): void {
    this.command?.stop();
  }

  pause(): void {
    this.command?.pause();
  }

  resume(): void {
    this.command?.resume();
  }
}

/** Spools that were made. The folder of a work is made with the first that it prints. */
const spools = new Set<string>();

function makeSpool(spoolDir: string): void {
  if (spools.has(spoolDir)) return;
  mkdirSync(spoolDir, { recursive: true, mode: 0o700 });
  spools.add(spoolDir);
}

/** Kills what is at work with its output in this folder, into which nothing more is to be written. */
export function killLocalWorks(spoolDir: string): void {
  spools.delete(spoolDir);
  for (const [command, path] of atWork) if (path.startsWith(spoolDir)) command.kill();
}

/** Whether what has its output in this folder is at work. */
export function isAtWork(path: string): boolean {
  return [...atWork.values()].includes(path);
}

function watch(command: CommandProcess, path: string): void {
  if (atWork.size === 0) process.on('exit', killAll);
  atWork.set(command, path);
}

function rest(command: CommandProcess): void {
  atWork.delete(command);
  if (atWork.size === 0) process.off('exit', killAll);
}

function killAll(): void {
  for (const command of atWork.keys()) command.kill();
}
