/**
 * The slot tables: who holds a session slot or a run slot, and who waits for one.
 *
 * Changes are made in place, cost the same however much is held, never refuse (`decisions.ts` does), and
 * leave their inverse in the undo list. Whoever frees room then asks `nextSession` and `nextRun` for
 * the first waiter that no limit blocks, until there is none.
 *
 * Each change is made of two steps, each with its inverse: an entry is tied to its id or untied, and it
 * counts against its gates or stands in the queue, or does so no more.
 *
 * It is long, for a change and its inverse have to be read side by side, and all change the same counts.
 */
import { type Chain, inChain, joinChain, leaveChain } from './chain.ts';
import type { RunRequest, SessionRequest } from './decisions.ts';
import {
  type EndReason,
  KindEntry,
  OwnerEntry,
  RunEntry,
  SessionEntry,
  type SlotEntry,
} from './entries.ts';
import { Gate } from './gate.ts';
import { IdTable } from './id-table.ts';
import { type LimitChanges, type Limits, mergeLimitChanges, withLimits } from './limits.ts';
import { type Fairness, type Group, Rounds } from './rounds.ts';
import { Rules } from './rules.ts';
import type { RunIds, RunKey } from './run-ids.ts';
import { UndoList } from './undo-list.ts';
import { Branch, type Bucket, firstInLine } from './wait-queue.ts';
import { Waiter } from './waiter.ts';

const NO_CHANGES: LimitChanges = Object.freeze({});

/** One of the callers that wait for one id. */
interface Claim {
  readonly waiter: Waiter;
  readonly claimant: object;
}

/** What a session was before its id was used anew, while runs of it were left. */
type FormerSession = Pick<
  SessionEntry,
  'owner' | 'labels' | 'life' | 'tie' | 'claims' | 'token' | 'since' | 'end'
>;

/** The limits, and which of them are others than at first. */
interface KnownLimits {
  readonly limits: Limits;
  readonly limitChanges: LimitChanges;
}

export class SlotTables {
  readonly runs: IdTable<RunEntry>;
  readonly sessions: IdTable<SessionEntry>;
  /** The same sessions, oldest first. */
  private readonly known: Chain<SessionEntry> = { first: undefined, last: undefined };
  readonly owners = new Map<string, OwnerEntry>();
  readonly kinds = new Map<string, KindEntry>();
  readonly runIds: RunIds;
  readonly fairness: Fairness;
  readonly rules: Rules;
  /** The gates of all runs, and of all sessions. */
  runGate: Gate;
  sessionGate: Gate;
  runQueue = new Branch(undefined, undefined);
  sessionQueue = new Branch(undefined, undefined);
  runRounds = new Rounds();
  sessionRounds = new Rounds();
  readonly undo = new UndoList();
  waitingRuns = 0;
  waitingSessions = 0;
  /** Held runs whose session holds no slot. */
  sessionlessRuns = 0;
  limits: Limits;
  /** All that `changeLimits` has said, together. */
  limitChanges: LimitChanges = NO_CHANGES;
  /** Nobody new is taken in. */
  isDraining = false;
  private arrivals = 0;
  /** Those that the tables were made with. */
  private readonly firstLimits: Limits;

  /** `seed`: 32 bits at random, by which ids are spread over the tables. */
  constructor(limits: Limits, runIds: RunIds, fairness: Fairness = 'arrival', seed = 0) {
    this.runs = new IdTable(seed);
    this.sessions = new IdTable(seed);
    this.firstLimits = limits;
    this.fairness = fairness;
    this.limits = limits;
    this.runIds = runIds;
    this.rules = new Rules(limits);
    // Queues of several owners stand behind one session's gate, and take turns there.
    this.rules.runsPerSession.offersAll = fairness === 'owner';
    this.runGate = new Gate(this.rules.parallelRuns);
    this.sessionGate = new Gate(this.rules.parallelSessions);
  }

  // ── Runs ────────────────────────────────────────────────────────────────────────────────────────

  /** The key of an id of our own, which nobody has: who has seen one can take the next. */
  nextRunKey(): RunKey {
    let key = this.runIds.next();
    while (this.runIds.wasForeseen(key) && this.runs.get(key)) key = this.runIds.next();
    return key;
  }

  /** A run that was decided to be granted. */
  holdRun(request: RunRequest, token: number, now: number): RunEntry {
    const entry = this.newRun(request);
    this.takeRunSlot(entry, token, now);
    this.undo.add(this.undoHeldRun, entry);
    return entry;
  }

  /** A run that was decided to wait. `waiter`: a new one, if somebody brings his own. */
  queueRun(request: RunRequest, now: number, waiter = new Waiter(request.priority)): RunEntry {
    const entry = this.newRun(request);
    this.undo.add(this.untieRun, entry);
    this.joinQueue(entry, waiter, now);
    return entry;
  }

  /** A run that waited gets its slot. */
  grantRun(entry: RunEntry, token: number, now: number): void {
    this.leaveQueue(entry, this.runRounds);
    this.takeRunSlot(entry, token, now);
    this.undo.add(this.undoRunSlot, entry);
  }

  endRun(entry: RunEntry, reason: EndReason): void {
    this.countRun(entry, -1);
    entry.end = reason;
    this.untieRun(entry);
    this.undo.add(this.undoEndOfRun, entry);
  }

  withdrawRun(entry: RunEntry): void {
    this.leaveQueue(entry);
    this.untieRun(entry);
    this.undo.add(this.tieRun, entry);
  }

  /** The first run that waits and that no limit blocks. */
  nextRun(): RunEntry | undefined {
    if (this.waitingRuns === 0 || this.runGate.isFull) return undefined;
    return firstInLine(this.runQueue)?.entry as RunEntry | undefined; // only runs stand there
  }

  // ── Sessions ────────────────────────────────────────────────────────────────────────────────────

  holdSession(request: SessionRequest, token: number, now: number): SessionEntry {
    const entry = this.newSession(request);
    this.takeSessionSlot(entry, token, now);
    return entry;
  }

  queueSession(request: SessionRequest, now: number): SessionEntry {
    const entry = this.newSession(request);
    this.joinQueue(entry, new Waiter(request.priority), now);
    return entry;
  }

  grantSession(entry: SessionEntry, token: number, now: number): void {
    this.leaveQueue(entry, this.sessionRounds);
    this.takeSessionSlot(entry, token, now);
  }

  /** Ends the slot alone; its runs are ended one by one. */
  endSession(entry: SessionEntry, reason: EndReason): void {
    this.countSession(entry, -1);
    entry.end = reason;
    this.undo.add(this.undoEndOfSession, entry);
    this.forgetIfUnused(entry);
  }

  withdrawSession(entry: SessionEntry): void {
    this.leaveQueue(entry);
    this.forgetIfUnused(entry);
  }

  nextSession(): SessionEntry | undefined {
    if (this.waitingSessions === 0 || this.sessionGate.isFull) return undefined;
    return firstInLine(this.sessionQueue)?.entry as SessionEntry | undefined; // see `nextRun`
  }

  // ── In order ────────────────────────────────────────────────────────────────────────────────────

  /** All sessions that are known, oldest first. The one that was given last may leave meanwhile. */
  knownSessions(): Generator<SessionEntry> {
    return inChain(this.known);
  }

  /** All runs, by their sessions, those of each oldest first. The same holds for them. */
  *knownRuns(): Generator<RunEntry> {
    for (const session of this.knownSessions()) yield* session.runs();
  }

  // ── Claims ──────────────────────────────────────────────────────────────────────────────────────

  /** One more caller waits for this id. */
  addClaim(waiter: Waiter, claimant: object): void {
    waiter.addClaimant(claimant);
    this.undo.add(undoAddedClaim, { waiter, claimant });
  }

  /** One of them waits no more. The wait stands, even without any. */
  removeClaim(waiter: Waiter, claimant: object): void {
    waiter.removeClaimant(claimant);
    this.undo.add(undoRemovedClaim, { waiter, claimant });
  }

  // ── Building anew ───────────────────────────────────────────────────────────────────────────────

  /** Nobody holds and nobody waits any more. Limits stay, and so does draining. */
  clear(): void {
    for (const table of [this.runs, this.sessions, this.owners, this.kinds]) table.clear();
    this.known.first = this.known.last = undefined;
    this.undo.clear();
    this.runGate = new Gate(this.rules.parallelRuns);
    this.sessionGate = new Gate(this.rules.parallelSessions);
    this.runQueue = new Branch(undefined, undefined);
    this.sessionQueue = new Branch(undefined, undefined);
    this.runRounds = new Rounds();
    this.sessionRounds = new Rounds();
    this.waitingRuns = this.waitingSessions = this.sessionlessRuns = 0;
  }

  /** Puts back an entry that held a slot; who has a handle on it has it still. Sessions go first. */
  putBackSession(entry: SessionEntry, { owner }: SessionRequest): void {
    entry.clear();
    entry.owner = this.ownerOf(owner);
    this.putSession(entry);
    this.countSession(entry, 1);
  }

  putBackRun(entry: RunEntry, { sessionId, owner, kind }: RunRequest): void {
    entry.session = this.sessions.get(sessionId) ?? this.unusedSession(sessionId);
    entry.owner = this.ownerOf(owner);
    entry.kind = this.kindOf(kind);
    this.tieRun(entry);
    this.countRun(entry, 1);
  }

  // ── Limits ──────────────────────────────────────────────────────────────────────────────────────

  changeLimits(changes: LimitChanges): void {
    const limitChanges = mergeLimitChanges(this.limitChanges, changes);
    this.setLimits({ limits: withLimits(this.limits, changes), limitChanges });
  }

  /** What `changeLimits` has said counts no more. */
  resetLimits(): void {
    this.setLimits({ limits: this.firstLimits, limitChanges: NO_CHANGES });
  }

  private setLimits(next: KnownLimits): void {
    const { limits, limitChanges } = this;
    this.undo.add(this.knowLimits, { limits, limitChanges });
    this.knowLimits(next);
  }

  private readonly knowLimits = ({ limits, limitChanges }: KnownLimits): void => {
    this.limitChanges = limitChanges;
    this.applyLimits(limits);
  };

  drain(isDraining: boolean): void {
    this.undo.add(this.applyDraining, this.isDraining);
    this.applyDraining(isDraining);
  }

  private readonly applyDraining = (isDraining: boolean): void => {
    this.isDraining = isDraining;
  };

  private readonly applyLimits = (limits: Limits): void => {
    this.limits = limits;
    this.rules.change(limits);
    for (const kind of this.kinds.values()) kind.gate.rule.max = this.limitOfKind(kind.id);
    this.settleAll();
  };

  /** What was parked behind a limit may go on. This alone looks at all who wait. */
  private settleAll(): void {
    for (const node of [...this.runQueue, ...this.sessionQueue]) node.gate?.settle();
  }

  private limitOfKind(kind: string): number {
    const { maxRunsPerKind } = this.limits;
    return Object.hasOwn(maxRunsPerKind, kind) ? (maxRunsPerKind[kind] ?? Infinity) : Infinity;
  }

  // ── Tying entries to their ids ──────────────────────────────────────────────────────────────────

  private newRun(request: RunRequest): RunEntry {
    const { runKey, sessionId, owner, kind, labels } = request;
    const session = this.sessions.get(sessionId) ?? this.unusedSession(sessionId);
    const entry = new RunEntry(
      runKey,
      this.runIds,
      session,
      this.ownerOf(owner),
      this.kindOf(kind),
    );
    if (labels) entry.labels = labels;
    this.tieRun(entry);
    return entry;
  }

  private readonly tieRun = (entry: RunEntry): void => {
    const { session } = entry;
    if (session.isUnused) this.putSession(session);
    session.tieRun(entry);
    this.runs.add(entry);
  };

  private readonly untieRun = (entry: RunEntry): void => {
    const { session } = entry;
    this.runs.remove(entry);
    session.untieRun(entry);
    if (session.isUnused) this.deleteSession(session);
  };

  private newSession({ sessionId, owner, labels }: SessionRequest): SessionEntry {
    const entry = this.sessions.get(sessionId) ?? this.unusedSession(sessionId);
    if (entry.isUnused) this.remember(entry);
    else this.undo.add(restoreSession, { entry, former: { ...entry } });
    entry.owner = this.ownerOf(owner);
    entry.labels = labels;
    entry.life = 'process';
    // Of what it was before, if runs have outlived that, nothing is left.
    entry.tie = undefined;
    entry.claims = 0;
    return entry;
  }

  private remember(entry: SessionEntry): void {
    this.putSession(entry);
    this.undo.add(this.deleteSession, entry);
  }

  private forgetIfUnused(entry: SessionEntry): void {
    if (!entry.isUnused) return;
    this.deleteSession(entry);
    this.undo.add(this.putSession, entry);
  }

  private readonly putSession = (entry: SessionEntry): void => {
    this.sessions.add(entry);
    joinChain(this.known, entry);
  };

  private readonly deleteSession = (entry: SessionEntry): void => {
    this.sessions.remove(entry);
    leaveChain(this.known, entry);
  };

  private unusedSession(id: string): SessionEntry {
    return new SessionEntry(id, this.rules.runsPerSession);
  }

  private ownerOf(id: string | undefined): OwnerEntry | undefined {
    if (id === undefined) return undefined;
    const { runsPerOwner, sessionsPerOwner } = this.rules;
    return this.owners.get(id) ?? new OwnerEntry(id, runsPerOwner, sessionsPerOwner);
  }

  private kindOf(id: string | undefined): KindEntry | undefined {
    if (id === undefined) return undefined;
    return this.kinds.get(id) ?? new KindEntry(id, this.limitOfKind(id));
  }

  // ── Counting held slots ─────────────────────────────────────────────────────────────────────────

  private takeRunSlot(entry: RunEntry, token: number, now: number): void {
    entry.token = token;
    entry.since = now;
    this.countRun(entry, 1);
  }

  private readonly undoHeldRun = (entry: RunEntry): void => {
    this.undoRunSlot(entry);
    this.untieRun(entry);
  };

  private readonly undoRunSlot = (entry: RunEntry): void => {
    this.countRun(entry, -1);
    entry.token = 0;
  };

  private readonly undoEndOfRun = (entry: RunEntry): void => {
    this.tieRun(entry);
    entry.end = undefined;
    this.countRun(entry, 1);
  };

  /** The one place where a run slot begins to count, or counts no more. */
  private countRun(entry: RunEntry, change: 1 | -1): void {
    const { session, owner, kind } = entry;
    this.runGate.count(change);
    session.gate.count(change);
    if (!session.isHeld) this.sessionlessRuns += change;
    if (owner) {
      if (owner.isUnused) this.owners.set(owner.id, owner);
      owner.runs.count(change);
      if (owner.isUnused) this.owners.delete(owner.id);
    }
    if (kind) {
      if (kind.isUnused) this.kinds.set(kind.id, kind);
      kind.gate.count(change);
      if (kind.isUnused) this.kinds.delete(kind.id);
    }
  }

  private takeSessionSlot(entry: SessionEntry, token: number, now: number): void {
    entry.token = token;
    entry.since = now;
    entry.end = undefined;
    this.countSession(entry, 1);
    this.undo.add(this.undoSessionSlot, entry);
  }

  private readonly undoSessionSlot = (entry: SessionEntry): void => {
    this.countSession(entry, -1);
    entry.token = 0;
  };

  private readonly undoEndOfSession = (entry: SessionEntry): void => {
    entry.end = undefined;
    this.countSession(entry, 1);
  };

  private countSession(entry: SessionEntry, change: 1 | -1): void {
    const { owner } = entry;
    this.sessionGate.count(change);
    this.sessionlessRuns -= change * entry.gate.held;
    if (!owner) return;
    if (owner.isUnused) this.owners.set(owner.id, owner);
    owner.sessions.count(change);
    if (owner.isUnused) this.owners.delete(owner.id);
  }

  // ── Standing in the queue ───────────────────────────────────────────────────────────────────────

  private joinQueue(entry: RunEntry | SessionEntry, waiter: Waiter, now: number): void {
    this.arrivals += 1;
    waiter.entry = entry;
    waiter.arrival = this.arrivals;
    waiter.since = now;
    this.enqueue(waiter);
    this.undo.add(this.dequeue, waiter);
  }

  /** `granted`: the rounds in which it has had its turn, if it was granted. */
  private leaveQueue(entry: SlotEntry, granted?: Rounds): void {
    const { waiter } = entry;
    if (!waiter) return;
    this.dequeue(waiter);
    this.undo.add(this.enqueue, waiter);
    if (granted && waiter.group) this.endTurn(waiter.group, granted);
  }

  /** A group that still waits goes behind all others. */
  private endTurn(group: Group, rounds: Rounds): void {
    if (group.waiting === 0) return;
    this.undo.add(undoTurn, { group, turn: group.turn });
    group.moveTo(rounds.nextTurn());
  }

  private readonly enqueue = (waiter: Waiter): void => {
    const entry = waiter.entry as RunEntry | SessionEntry; // the tables make no others
    entry.waiter = waiter;
    if (entry instanceof RunEntry) this.countWaitingRun(entry, 1);
    else this.countWaitingSession(entry, 1);
    if (this.fairness !== 'arrival') this.joinGroup(entry, waiter);
    this.bucketFor(entry, waiter).add(waiter);
  };

  private readonly dequeue = (waiter: Waiter): void => {
    const entry = waiter.entry as RunEntry | SessionEntry; // see `enqueue`
    entry.waiter = undefined;
    waiter.bucket?.remove(waiter);
    if (waiter.group) this.leaveGroup(entry, waiter.group);
    if (entry instanceof RunEntry) this.countWaitingRun(entry, -1);
    else this.countWaitingSession(entry, -1);
  };

  private joinGroup(entry: RunEntry | SessionEntry, waiter: Waiter): void {
    if (entry instanceof RunEntry) {
      waiter.group = this.runRounds.join(this.groupKey(entry), waiter.group);
    } else if (this.fairness === 'owner') {
      waiter.group = this.sessionRounds.join(entry.owner, waiter.group);
    }
  }

  private leaveGroup(entry: RunEntry | SessionEntry, group: Group): void {
    if (entry instanceof RunEntry) this.runRounds.leave(this.groupKey(entry), group);
    else this.sessionRounds.leave(entry.owner, group);
  }

  private groupKey({ session, owner }: RunEntry): unknown {
    return this.fairness === 'session' ? session : owner;
  }

  private bucketFor(entry: RunEntry | SessionEntry, { group, priority }: Waiter): Bucket {
    const { owner } = entry;
    if (entry instanceof SessionEntry) {
      return this.sessionQueue.branch(owner, owner?.sessions, group).bucket(priority);
    }
    const { kind, session } = entry;
    const [ofOwner, ofSession] = this.fairness === 'owner' ? [group] : [undefined, group];
    const lane = this.runQueue.branch(kind, kind?.gate).branch(owner, owner?.runs, ofOwner);
    return lane.branch(session, session.gate, ofSession).bucket(priority);
  }

  private countWaitingRun({ owner, kind }: RunEntry, change: 1 | -1): void {
    this.waitingRuns += change;
    if (owner) {
      if (owner.isUnused) this.owners.set(owner.id, owner);
      owner.waitingRuns += change;
      if (owner.isUnused) this.owners.delete(owner.id);
    }
    if (kind) {
      if (kind.isUnused) this.kinds.set(kind.id, kind);
      kind.waitingRuns += change;
      if (kind.isUnused) this.kinds.delete(kind.id);
    }
  }

  private countWaitingSession({ owner }: SessionEntry, change: 1 | -1): void {
    this.waitingSessions += change;
    if (!owner) return;
    if (owner.isUnused) this.owners.set(owner.id, owner);
    owner.waitingSessions += change;
    if (owner.isUnused) this.owners.delete(owner.id);
  }
}

function restoreSession({ entry, former }: { entry: SessionEntry; former: FormerSession }): void {
  const { owner, labels, life, tie, claims, token, since, end } = former;
  Object.assign(entry, { owner, labels, life, tie, claims, token, since, end });
}

function undoTurn({ group, turn }: { group: Group; turn: number }): void {
  group.moveTo(turn);
}

function undoAddedClaim({ waiter, claimant }: Claim): void {
  waiter.removeClaimant(claimant);
}

function undoRemovedClaim({ waiter, claimant }: Claim): void {
  waiter.addClaimant(claimant);
}
