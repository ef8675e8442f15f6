/**
 * The records of the tables: runs, sessions, owners, kinds.
 *
 * A run's entry lives from its acquire to its end, first waiting, then holding; a handle on a slot keeps
 * it and reads from it what became of it. A session's entry is there while anything is tied to its id: its
 * own slot, its wait, or a run. An owner's and a kind's are there while anything counts on their account.
 */
import { Gate, Rule } from './gate.ts';
import type { RunIds, RunKey } from './run-ids.ts';
import type { Waiter } from './waiter.ts';

/** How a slot ended. Once, and for one reason. */
export type EndReason =
  | 'released'
  | 'cascade'
  | 'expired'
  | 'holder_down'
  | 'interrupted'
  | 'evicted'
  | 'stopped';

/**
 * How long a slot can be held: as long as its process; beyond it (`durable`, sessions alone); or as long
 * as a program that is no part of it (`command`, runs alone).
 */
export type SlotLife = 'process' | 'durable' | 'command';

export type Labels = Readonly<Record<string, string>>;

/** What runs and sessions have in common: an id that waits for a slot, holds it, and has held it. */
export abstract class SlotEntry {
  abstract readonly id: string;
  owner: OwnerEntry | undefined = undefined;
  /** The fencing token of its grant; 0 before. */
  token = 0;
  /** Monotonic milliseconds, whole, of its grant. */
  since = 0;
  end: EndReason | undefined = undefined;
  /** Whether its holder ended it. */
  isOwnEnd = false;
  /** Callers who were given it and have not given it up. */
  claims = 0;
  waiter: Waiter | undefined = undefined;
  labels: Labels | undefined = undefined;
  life: SlotLife = 'process';
  /** Whatever the tables' user ties to the slot. */
  tie: unknown = undefined;

  get isHeld(): boolean {
    return this.token > 0 && this.end === undefined;
  }

  get isWaiting(): boolean {
    return this.waiter !== undefined;
  }
}

export class RunEntry extends SlotEntry {
  readonly key: RunKey;
  session: SessionEntry;
  kind: KindEntry | undefined;
  /** Its neighbours among the runs of its session. */
  previous: RunEntry | undefined = undefined;
  next: RunEntry | undefined = undefined;

  private readonly ids: RunIds;

  constructor(
    key: RunKey,
    ids: RunIds,
    session: SessionEntry,
    owner: OwnerEntry | undefined,
    kind: KindEntry | undefined,
  ) {
    super();
    this.key = key;
    this.ids = ids;
    this.session = session;
    this.owner = owner;
    this.kind = kind;
  }

  get id(): string {
    return this.ids.idOf(this.key);
  }
}

export class SessionEntry extends SlotEntry {
  readonly id: string;
  /** The gate of its runs. */
  gate: Gate;
  private firstRun: RunEntry | undefined = undefined;
  private lastRun: RunEntry | undefined = undefined;

  constructor(id: string, rule: Rule) {
    super();
    this.id = id;
    this.gate = new Gate(rule);
  }

  /** Whether any run, held or waiting, is tied to it. */
  get hasRuns(): boolean {
    return this.firstRun !== undefined;
  }

  get isUnused(): boolean {
    return !this.firstRun && !this.isHeld && !this.isWaiting;
  }

  /** Its runs, held and waiting, oldest first. The one that was given last may leave meanwhile. */
  *runs(): Generator<RunEntry> {
    let run = this.firstRun;
    while (run) {
      const { next } = run;
      yield run;
      run = next;
    }
  }

  /** Nothing is tied to it: for tables that are built anew. */
  clear(): void {
    this.gate = new Gate(this.gate.rule);
    this.firstRun = this.lastRun = this.waiter = undefined;
  }

  tieRun(run: RunEntry): void {
    run.previous = this.lastRun;
    run.next = undefined;
    if (this.lastRun) this.lastRun.next = run;
    else this.firstRun = run;
    this.lastRun = run;
  }

  untieRun(run: RunEntry): void {
    if (run.previous) run.previous.next = run.next;
    else this.firstRun = run.next;
    if (run.next) run.next.previous = run.previous;
    else this.lastRun = run.previous;
    run.previous = run.next = undefined;
  }
}

/** What counts on one owner's account. */
export class OwnerEntry {
  readonly id: string;
  readonly runs: Gate;
  readonly sessions: Gate;
  waitingRuns = 0;
  waitingSessions = 0;

  constructor(id: string, runsRule: Rule, sessionsRule: Rule) {
    this.id = id;
    this.runs = new Gate(runsRule);
    this.sessions = new Gate(sessionsRule);
  }

  /** Runs that hold a slot or wait for one. */
  get jobs(): number {
    return this.runs.held + this.waitingRuns;
  }

  get isUnused(): boolean {
    return this.jobs === 0 && this.sessions.held === 0 && this.waitingSessions === 0;
  }
}

/** What counts for one kind of runs. Each kind has a rule of its own. */
export class KindEntry {
  readonly id: string;
  readonly gate: Gate;
  waitingRuns = 0;

  constructor(id: string, max: number) {
    this.id = id;
    this.gate = new Gate(new Rule('max_runs_per_kind_exceeded', 'kind', max));
  }

  get isUnused(): boolean {
    return this.gate.held === 0 && this.waitingRuns === 0;
  }
}
