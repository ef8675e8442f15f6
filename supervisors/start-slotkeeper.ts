/**
 * Starts the whole tree: the limiter, and the sessions that stand on it.
 */
import { CommandExecutor } from '../src/executors/command-executor.ts';
import { fnExecutor } from '../src/executors/fn-executor.ts';
import { spoolPlace } from '../src/executors/spool-place.ts';
import type { DrainOptions } from '../src/limiter/drain.ts';
import type { DrainReport } from '../src/limiter/drains.ts';
import { ConcurrencyLimiter } from '../src/limiter/limiter.ts';
import type { CheckedOptions, LimiterOptions } from '../src/limiter/limiter-options.ts';
import type { Status } from '../src/limiter/status.ts';
import type { AnySupervisorRef, ServerRef } from '../src/otp/index.ts';
import { expectKnown, expectOption, isDuration } from '../src/otp/options.ts';
import { DEFAULT_RETENTION } from '../src/sessions/ended.ts';
import type { Run } from '../src/sessions/run.ts';
import { orderOfText } from '../src/sessions/run-notes.ts';
import type { Session } from '../src/sessions/session.ts';
import type { SessionOptions } from '../src/sessions/session-options.ts';
import { type AbandonedRun, Sessions } from '../src/sessions/sessions.ts';
import { sessions } from './sessions.ts';
import { startLimiterTree } from './start-limiter.ts';
import type { Tree } from './start-tree.ts';

/** The limiter's status, and what the sessions add to it. */
export interface KeeperStatus extends Status {
  /** Sessions that were opened with `openSession` and are not closed. */
  readonly openSessions: number;
  /** Runs whose outcome is told and whose work goes on: each holds its slot still. */
  readonly stuckRuns: number;
}

export interface StopOptions {
  /** How long to wait for the work of the runs, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /**
   * What becomes of commands that wait for their slots, with a journal on disk: `'cancel'` (default), they are
   * withdrawn; `'keep'`, they go on waiting in the journal, with their sessions, and the next keeper has them.
   */
  readonly waiting?: 'cancel' | 'keep';
}

export interface StopReport {
  /** Whether all work had ended before the slots did. */
  readonly isComplete: boolean;
  /** Sessions that were closed. */
  readonly sessions: number;
  /** Runs whose work went on when the time was over: their slots have ended, they have not. */
  readonly abandoned: readonly AbandonedRun[];
}

/** What orchestrators give a process before they kill it, less what it needs to end. */
const DEFAULT_STOP_MS = 10_000;

/** A running keeper. */
export class Slotkeeper {
  readonly limiter: ConcurrencyLimiter;
  private readonly register: Sessions;
  private readonly tree: Tree;
  private status: KeeperStatus;
  private stopping: Promise<StopReport> | undefined = undefined;

  /** Made by `startSlotkeeper`. */
  constructor(limiter: ConcurrencyLimiter, register: Sessions, tree: Tree) {
    this.limiter = limiter;
    this.register = register;
    this.tree = tree;
    this.status = this.newStatus(limiter.getStatus());
    // Also when the root has given up.
    tree.ended.then(() => register.end());
  }

  // ── Sessions ────────────────────────────────────────────────────────────────────────────────────

  /**
   * Opens a session: it holds a session slot until it is closed, and contains runs. A session of this id
   * that is open already is the answer, with the options that it has. Who opens an id that somebody waits
   * for shares the wait, on his own terms.
   *
   * Rejects as `acquireSessionSlot` does: with a `RefusalError` when it is refused (also
   * `session_id_conflict` for another owner's), with `signal.reason`, or with a fault: `invalid_id`,
   * `invalid_option`, `stopped`; and with `session_closing` while one of that id is closing still,
   * `session_closed` when it was closed before it was open.
   */
  openSession(options: SessionOptions = {}): Promise<Session> {
    return this.register.open(options);
  }

  /** Sessions that are not closed, oldest first; with `closed`, those that have ended and are not forgotten. */
  sessions({ closed = false }: { readonly closed?: boolean } = {}): IterableIterator<Session> {
    return closed ? this.register.closed() : this.register.all();
  }

  /** The session of this id; one that has ended until it is forgotten. See `retention`. */
  getSession(sessionId: string): Session | undefined {
    return this.register.get(sessionId);
  }

  /** The run of this id, of whatever session; one that has ended until it is forgotten. */
  getRun(runId: string): Run | undefined {
    return this.register.getRun(runId);
  }

  // ── The whole ───────────────────────────────────────────────────────────────────────────────────

  /** The limiter's status with the counts of sessions and runs. The same object while nothing has changed. */
  getStatus(): KeeperStatus {
    const status = this.limiter.getStatus();
    const { openSessions, stuckRuns } = this.register;
    const { version, openSessions: knownOpen, stuckRuns: knownStuck } = this.status;
    const isSame = status.version === version && knownOpen === openSessions;
    if (!isSame || knownStuck !== stuckRuns) this.status = this.newStatus(status);
    return this.status;
  }

  /** Takes in nobody new and waits until no run is held; see `ConcurrencyLimiter.drain`. */
  drain(options?: DrainOptions): Promise<DrainReport> {
    return this.limiter.drain(options);
  }

  /**
   * Closes all sessions as `shutdown`, waits for the work of their runs, and stops the tree, last started
   * first: every slot that is left ends as `stopped`. What has not ended in time is abandoned, and in the
   * report. Durable sessions stay in the journal. Again waits for the same end. Rejects with
   * `invalid_option`.
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    const checked = checkedStop(options);
    this.stopping ??= this.stopWithin(checked);
    return this.stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  private async stopWithin({ timeoutMs, waiting }: Required<StopOptions>): Promise<StopReport> {
    const { register, tree } = this;
    const count = register.openSessions;
    await register.within(register.closeAll(waiting), timeoutMs);
    const abandoned = register.abandoned();
    const left = register.openSessions;
    await tree.stop();
    return { isComplete: left === 0, sessions: count - left, abandoned };
  }

  private newStatus(status: Status): KeeperStatus {
    const { openSessions, stuckRuns } = this.register;
    return Object.freeze({ ...status, openSessions, stuckRuns });
  }
}

/** Starts the tree and resolves when it accepts. Rejects as `startConcurrencyLimiter` does. */
export async function startSlotkeeper(options: LimiterOptions = {}): Promise<Slotkeeper> {
  // Whether a command lives is its executor's to find out, and the session's to act upon.
  const started = await startLimiterTree(options, [sessions], ({ order }) =>
    orderOfText(order) ? 'alive' : 'gone',
  );
  const { survivors, recovered, tree, others, options: checked } = started;
  const limiter = new ConcurrencyLimiter(survivors);
  const { clock, logger, faultPoints } = checked;
  const isKept = recovered !== undefined;
  const command = commandExecutor(checked, survivors.storage.journal?.name);
  const register = new Sessions({
    limiter,
    // The second of the list.
    supervisor: others[0] as ServerRef as AnySupervisorRef,
    executors: { fn: fnExecutor, command },
    isKept,
    keepWaiting: () => {
      survivors.waitingOrders.areKept = true;
    },
    clock,
    logger,
    retention: { ...DEFAULT_RETENTION, ...checked.retention },
    faultPoints,
  });
  try {
    command.clean(tokensOf(recovered?.runs), tokensOf(recovered?.endedRuns));
    if (recovered) await register.restore(recovered);
    survivors.waitingOrders.settle();
  } catch (fault) {
    await tree.stop();
    throw fault;
  }
  tree.ended.then(() => command.close());
  return new Slotkeeper(limiter, register, tree);
}

/**
 * With a journal commands outlive the process, and so does what they print. `name`: the file of the journal
 * as it knows itself, so that whatever way leads to it leads to one spool.
 */
function commandExecutor(
  { spoolDir, orphans, journal, keepsOutput }: CheckedOptions,
  name: string | undefined,
): CommandExecutor {
  const outlives = name !== undefined;
  const file = typeof journal === 'object' && 'path' in journal ? name : undefined;
  const isTemporary = !outlives && !keepsOutput;
  const place = spoolPlace({ spoolDir, journal: file, isTemporary });
  return new CommandExecutor({ spoolDir: place, outlives, orphans, isTemporary });
}

function tokensOf(slots: readonly { readonly token: number }[] = []): number[] {
  return slots.map(({ token }) => token);
}

function checkedStop(options: StopOptions): Required<StopOptions> {
  expectOption('options', options, isObject, 'an object');
  expectKnown(options, ['timeoutMs', 'waiting']);
  const { timeoutMs = DEFAULT_STOP_MS, waiting = 'cancel' } = options;
  expectOption('timeoutMs', timeoutMs, isDuration, 'milliseconds, 0 or more');
  expectOption('waiting', waiting, isWaiting, "'cancel' or 'keep'");
  return { timeoutMs, waiting };
}

function isWaiting(value: unknown): boolean {
  return value === 'cancel' || value === 'keep';
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
