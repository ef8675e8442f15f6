/**
 * A run, as its users see it: work that holds a slot until it is gone.
 *
 * Every run has exactly one outcome, which is a value and never rejects. Of a function that ignores its
 * signal the outcome is told when the run is stopped, while the run itself stays `stopping`, and keeps
 * its slot, until the function has settled.
 */
import type { OutputOptions, OutputRecord } from '../executors/executor.ts';
import { expectKnown, expectOption, isOptionalBoolean, isWholeNumber } from '../otp/options.ts';
import type { ControlRecord } from './history.ts';
import type { KnownRun } from './known-run.ts';
import type { RunOutcome, RunState, Stop, StopState } from './outcome.ts';
import { isObject } from './run-options.ts';
import { outputOf } from './run-output.ts';
import type { SessionCore } from './session-core.ts';

/** Characters of what is said of an order. */
const LONGEST_NOTE = 256;

export class Run<Value = unknown> {
  private readonly core: KnownRun;

  /** Made by `session.run`. */
  constructor(core: KnownRun) {
    this.core = core;
  }

  /** Whether it is a run of this very session; another one may have had the same id. */
  isOf(session: SessionCore): boolean {
    return this.core.isOf(session);
  }

  get runId(): string {
    return this.core.id;
  }

  get sessionId(): string {
    return this.core.sessionId;
  }

  get owner(): string | undefined {
    return this.core.owner;
  }

  get kind(): string | undefined {
    return this.core.options.kind;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.core.options.labels ?? {};
  }

  get state(): RunState {
    return this.core.state;
  }

  get isPaused(): boolean {
    return this.core.isPaused;
  }

  /** The fencing token of its slot; 0 before it has one. */
  get token(): number {
    return this.core.token;
  }

  /** UTC epoch milliseconds: when it was asked for, when its work began, when its slot was free again. */
  get queuedAt(): number {
    return this.core.times.queuedAt;
  }

  get startedAt(): number | undefined {
    return this.core.times.startedAt;
  }

  get endedAt(): number | undefined {
    return this.core.times.endedAt;
  }

  /** When it will be timed out; `undefined` before it has begun, and without a deadline. */
  get deadlineAt(): number | undefined {
    return this.core.times.deadlineAt;
  }

  /**
   * Whole milliseconds from `queuedAt` to the beginning of its work, also where several processes have waited;
   * `undefined` before.
   */
  get waitedMs(): number | undefined {
    return this.core.times.waitedMs;
  }

  /** What was ordered of it, and had an effect: at most the last 100. */
  get history(): readonly ControlRecord[] {
    return this.core.history.records;
  }

  /** How it has ended. Never rejects. */
  get outcome(): Promise<RunOutcome<Value>> {
    return this.core.outcome.promise as Promise<RunOutcome<Value>>; // what its function returns
  }

  /** What its function has returned. Rejects with what it has thrown, or with `RunStoppedError`. */
  async result(): Promise<Value> {
    const outcome = await this.outcome;
    if (outcome.state === 'succeeded') return outcome.value;
    throw outcome.error;
  }

  /**
   * Ends it as `cancelled`: a run that waits leaves the queue, the work of one that runs is stopped.
   * Resolves with the outcome, which is another one if it was ended before. `note` (1 to 256 characters)
   * stands in the history and in the error. Rejects with `invalid_option`.
   */
  async cancel(note?: string): Promise<RunOutcome<Value>> {
    this.core.control('cancel', this.stopAs('cancelled', 'cancelled', note));
    return this.outcome;
  }

  /** The same, as `interrupted`. */
  async interrupt(note?: string): Promise<RunOutcome<Value>> {
    this.core.control('interrupt', this.stopAs('interrupted', 'interrupted', note));
    return this.outcome;
  }

  /**
   * Pauses its work. The slot is kept, and the deadline goes on. A run that is paused already stays so.
   * Throws `run_not_running`, `pause_unsupported`.
   */
  pause(): void {
    this.core.pause();
  }

  /** Lets its work go on. Throws as `pause` does. */
  resume(): void {
    this.core.resume();
  }

  /**
   * What its command has printed, record by record, from `from` on; with `follow` also what is still to come.
   * A reader is given what he asks for, and nobody waits for him; who follows may come before it has begun. Fails
   * with `no_output` for what is no command, has not begun, or is forgotten. Throws `invalid_option`.
   */
  output(options: OutputOptions = {}): AsyncIterableIterator<OutputRecord> {
    checkOutputOptions(options);
    return outputOf(this.core, options);
  }

  toJSON(): object {
    const { runId, sessionId, owner = null, kind = null, labels, state, isPaused, token } = this;
    const { queuedAt, startedAt = null, endedAt = null, deadlineAt = null, waitedMs = null } = this;
    const times = { queuedAt, startedAt, endedAt, deadlineAt, waitedMs };
    return { runId, sessionId, owner, kind, labels, state, isPaused, token, ...times };
  }

  private stopAs(state: StopState, reason: Stop['reason'], note: string | undefined): Stop {
    expectOption('note', note, isOptionalNote, 'a string of 1 to 256 characters');
    return { state, reason, note };
  }
}

function checkOutputOptions(options: OutputOptions): void {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, ['from', 'follow', 'signal']);
  const { from = 0, follow, signal } = options;
  expectOption('from', from, isWholeNumber, 'the number of a record, 0 or more');
  expectOption('follow', follow, isOptionalBoolean, 'true or false');
  expectOption('signal', signal, isOptionalSignal, 'an AbortSignal');
}

function isOptionalSignal(signal: unknown): boolean {
  return signal === undefined || signal instanceof AbortSignal;
}

function isOptionalNote(note: unknown): boolean {
  if (note === undefined) return true;
  return typeof note === 'string' && note.length > 0 && note.length <= LONGEST_NOTE;
}
