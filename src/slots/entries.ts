/**
 * The records of the tables: runs, sessions, owners, kinds.
 *
 * A run's entry lives from its acquire to its end, first waiting, then holding; a handle on a slot keeps
 * it and reads from it what became of it. A session's entry is there while anything is tied to its id: its
 * own slot, its wait, or a run. An owner's and a kind's are there while anything counts on their account.
 */
import { type Chain, inChain, joinChain, leaveChain } from './chain.ts';
import { Gate, Rule } from './gate.ts';
import type { TableEntry } from './id-table.ts';
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
export abstract class SlotEntry implements TableEntry {
  abstract readonly id: string;
  /** What it is found by. */
  abstract readonly key: RunKey;
  hash = 0;
  chained: TableEntry | undefined = undefined;
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

/** It is the chain of its runs, held and waiting, oldest first. */
export class SessionEntry extends SlotEntry implements Chain<RunEntry> {
  readonly key: string;
  /** The gate of its runs. */
  gate: Gate;
  first: RunEntry | undefined = undefined;
  last: RunEntry | undefined = undefined;
  /** Its neighbours among all sessions. */
  previous: SessionEntry | undefined = undefined;
  next: SessionEntry | undefined = undefined;

  constructor(id: string, rule: Rule) {
    super();
    this.key = id;
    this.gate = new Gate(rule);
  }

  get id(): string {
    return this.key;
  }

  /** Whether any run, held or waiting, is tied to it. */
  get hasRuns(): boolean {
    return this.first !== undefined;
  }

  get isUnused(): boolean {
    return !this.first && !this.isHeld && !this.isWaiting;
  }

  /** Its runs, held and waiting, oldest first. The one that was given last may leave meanwhile. */
  runs(): Generator<RunEntry> {
    return inChain(this);
  }

  /** Nothing is tied to it: for tables that are built anew. */
  clear(): void {
    this.gate = new Gate(this.gate.rule);
    this.first = this.last = this.waiter = undefined;
  }

  tieRun(run: RunEntry): void {
    joinChain(this, run);
  }

  untieRun(run: RunEntry): void {
    leaveChain(this, run);
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
