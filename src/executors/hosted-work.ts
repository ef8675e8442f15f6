/**
 * A command that is a child of the command host, or was.
 *
 * The host writes down what becomes of it; a message only says that it is to be looked at. When the host has
 * died, the folder tells how far it had come: ended, and written down; never begun, and then the next host
 * begins it; or begun, and then it is watched until it is gone, and nobody will know how it ended. That it was to
 * end stands there too, before the host is asked.
 */
import { randomUUID } from 'node:crypto';
import type { AttemptFolder, AttemptProcess } from './attempt-folder.ts';
import { environmentOf } from './command-environment.ts';
import type { CompleteCommand } from './command-order.ts';
import type { CommandEnd } from './command-process.ts';
import { failed, workEndOf } from './command-result.ts';
import type { StopNote, Work, WorkEnd, WorkPlace } from './executor.ts';
import type { Expectant, HostLink } from './host-link.ts';
import { Orphan } from './orphan.ts';
import { writeStop } from './stop-note.ts';
import { hasUnborn } from './unborn.ts';

export class HostedWork implements Work, Expectant {
  readonly stopFound: StopNote | undefined;
  private readonly folder: AttemptFolder;
  private readonly command: CompleteCommand;
  private readonly place: WorkPlace;
  private readonly link: HostLink;
  private orphan: Orphan | undefined = undefined;
  private isStopped = false;
  private isPaused = false;
  /** It was alive, and is not to be. */
  private isKilled = false;
  private isOver = false;

  /** `stopFound`: of the attempt that is taken up, or was before this one. */
  constructor(
    folder: AttemptFolder,
    command: CompleteCommand,
    place: WorkPlace,
    link: HostLink,
    stopFound?: StopNote,
  ) {
    this.folder = folder;
    this.stopFound = stopFound;
    this.command = command;
    this.place = place;
    this.link = link;
  }

  begin(): this {
    this.launch().catch((error) => this.notBegun(error));
    return this;
  }

  /** It was begun, by the keeper before this one. */
  adopt(isToBeKilled: boolean): this {
    this.takeUp(isToBeKilled).catch((error) => this.over(() => failed(this.place, error)));
    return this;
  }

  stop(reason: Error): void {
    writeStop(this.folder, reason);
    this.askToStop();
  }

  pause(): void {
    this.isPaused = true;
    this.bringToPace();
  }

  resume(): void {
    this.isPaused = false;
    this.bringToPace();
  }

  ended(end: CommandEnd): void {
    this.over(() => this.place.gone(this.endOf(workEndOf(this.folder, end))));
  }

  /** Perhaps it has ended, and was written down; perhaps it lives; perhaps it was never begun. */
  hostLost(): void {
    if (this.isOver) return;
    const { end, process: started, order } = this.folder;
    if (end) this.ended(end);
    else if (this.folder.marked === 'started') this.watch(started, order?.tag ?? '');
    else this.beginAgain();
  }

  /** Its host is gone. */
  private watch(started: AttemptProcess | undefined, tag: string): void {
    const { killGraceMs } = this.command;
    const leader = started?.identity ?? undefined;
    const hasUnbornHere = () => hasUnborn(this.folder.spoolDir);
    const gone = () => this.lost();
    this.orphan = new Orphan({ leader, tag, killGraceMs, hasUnborn: hasUnbornHere, gone });
    this.bringToPace();
    if (this.isStopped) this.orphan.stop();
  }

  /** It rests or goes on, as its run does: a pause ends with the keeper who has ordered it. */
  private bringToPace(): void {
    if (this.isPaused) this.orphan?.pause();
    else this.orphan?.resume();
    this.link.ask({ type: this.isPaused ? 'pause' : 'resume', attempt: this.folder.name });
  }

  private askToStop(): void {
    this.isStopped = true;
    this.orphan?.stop();
    this.link.ask({ type: 'stop', attempt: this.folder.name });
  }

  private createFolder(): void {
    const { command } = this;
    const tag = randomUUID();
    this.folder.create({ command, tag, environment: environmentOf(command.env, tag) });
  }

  private async launch(): Promise<void> {
    if (!this.folder.order) this.createFolder();
    await this.link.ensure();
    if (this.isStopped && this.folder.mark('void')) {
      this.neverBegun();
      return;
    }
    this.link.expect(this.folder.name, this);
    this.link.ask({ type: 'start', attempt: this.folder.name });
    if (this.isPaused) this.bringToPace();
  }

  private async takeUp(isToBeKilled: boolean): Promise<void> {
    // First: its end may be told in one breath with what the host runs.
    this.link.expect(this.folder.name, this);
    // Also where there is nothing to look for: nothing is told before `adopt` has returned.
    const running = await (this.folder.end ? undefined : this.link.find());
    const isUntold = this.link.isExpected(this.folder.name);
    if (isUntold && running?.has(this.folder.name)) {
      this.bringToPace();
      this.isKilled = isToBeKilled;
      if (isToBeKilled || this.isStopped) this.askToStop();
      return;
    }
    this.link.expectNoMore(this.folder.name);
    if (isUntold) this.hostLost();
    if (isToBeKilled) this.orphan?.kill();
  }

  /** The host died before it had begun it: the next one does. */
  private beginAgain(): void {
    if (this.isStopped) this.neverBegun();
    else this.begin();
  }

  /** A host that has hung may have been told to begin it before, and wake up: it is begun, or it never will be. */
  private notBegun(error: unknown): void {
    if (this.folder.forestall()) this.over(() => failed(this.place, error));
    else this.hostLost();
  }

  /** It was stopped before anybody had begun it. */
  private neverBegun(): void {
    this.over(() => this.place.gone({ state: 'interrupted' }));
  }

  /** It is gone, and nobody saw how. */
  private lost(): void {
    const { end } = this.folder;
    if (end) this.ended(end);
    else this.over(() => this.place.gone({ state: 'interrupted' }));
  }

  /** How one ends that is killed says nothing of it. */
  private endOf(end: WorkEnd): WorkEnd {
    if (!this.isKilled) return end;
    return { state: 'interrupted', ...('value' in end && { value: end.value }) };
  }

  private over(tell: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    tell();
  }
}
