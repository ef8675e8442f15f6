/**
 * The limiter's side of its journal: whether it can be written, and what it is owed while it cannot.
 *
 * A commit that fails is no crash. From then on the storage is degraded: nothing is granted, because
 * what is not written down must not be given; but what ends has ended, whether or not it can be
 * written, and is owed to the journal. The journal is tried again after 100 ms, then after twice as
 * long each time, up to 5 s. Once it takes what it is owed, all is as before.
 */
import type { DurableJournal, Journal, JournalChange, Recovered } from '../journal/journal.ts';
import type { Clock, ClockTimer, Logger } from '../otp/index.ts';
import type { StorageState } from './status.ts';
import { processTokens, TokenSource } from './token-source.ts';

const FIRST_TRY_MS = 100;
const LONGEST_TRY_MS = 5_000;
/** How often it is looked whether the journal is where it was. */
const CHECK_MS = 1_000;

/** What an examination has found. */
export type StorageNews = 'degraded' | 'recovered' | 'none';

/** Why nothing can be written. */
export interface StorageTrouble {
  readonly journal: string;
  readonly reason: string;
}

/** How it went. */
export interface StorageHealing {
  readonly journal: string;
  /** Milliseconds from the first commit that failed. */
  readonly degradedMs: number;
  /** Changes that had waited and are written now. */
  readonly written: number;
}

export interface StorageOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Asks for a turn of the limiter in which `examine` is called. */
  readonly askForTurn: () => void;
}

export class Storage {
  readonly tokens: TokenSource;
  /** Where it is a durable one. */
  readonly journal: DurableJournal | undefined;
  trouble: StorageTrouble = { journal: '', reason: '' };
  healed: StorageHealing = { journal: '', degradedMs: 0, written: 0 };
  state: StorageState = 'ok';
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly askForTurn: () => void;
  /** Ends that are not written yet, oldest first. */
  private owed: JournalChange[] = [];
  private degradedSince = 0;
  private nextTryMs = FIRST_TRY_MS;
  private timer: ClockTimer | undefined = undefined;

  constructor({ journal, clock, logger, askForTurn }: StorageOptions) {
    this.journal = isDurable(journal) ? journal : undefined;
    this.tokens = this.journal ? new TokenSource(this.journal) : processTokens;
    this.clock = clock;
    this.logger = logger;
    this.askForTurn = askForTurn;
  }

  get isDegraded(): boolean {
    return this.state === 'degraded';
  }

  /** The limiter serves from now on. */
  open(): void {
    if (this.journal) this.arm(CHECK_MS);
  }

  /**
   * Writes the lines of a batch. False when they cannot be written: nothing of them was, and the batch
   * is to be taken back and served again as a degraded limiter serves it.
   */
  keep(changes: readonly JournalChange[]): boolean {
    if (!this.journal || changes.length === 0) return true;
    if (this.isDegraded) {
      for (const change of changes) this.owed.push(change);
      return true;
    }
    const failure = attempt(() => this.journal?.commit(changes));
    if (failure) this.degrade(failure.thrown);
    else this.replenishTokens();
    return !failure;
  }

  /** Looks whether the journal can be written, and writes what it is owed. */
  examine(): StorageNews {
    const news = this.isDegraded ? this.tryAgain() : this.check();
    this.arm(this.isDegraded ? this.nextTryMs : CHECK_MS);
    return news;
  }

  /** The limiter has ended: writes what it can. */
  close(last: JournalChange): void {
    const { journal } = this;
    if (!journal) return;
    if (this.timer) this.clock.clearTimeout(this.timer);
    const failure = attempt(() => journal.commit([...this.owed, last]));
    if (failure) this.logger.error({ journal: journal.name, error: failure.thrown }, LAST_LOST);
    journal.close();
  }

  /** What the journal says is held, but for what has ended and is not written yet. */
  read(): Pick<Recovered, 'sessions' | 'runs'> | undefined {
    const ended = new Set(this.owed.map((change) => ('token' in change ? change.token : 0)));
    const held = this.journal?.read();
    return (
      held && {
        sessions: held.sessions.filter(({ token }) => !ended.has(token)),
        runs: held.runs.filter(({ token }) => !ended.has(token)),
      }
    );
  }

  private check(): StorageNews {
    const failure = attempt(() => this.journal?.check());
    if (!failure) return 'none';
    this.degrade(failure.thrown);
    return 'degraded';
  }

  private tryAgain(): StorageNews {
    const { journal, owed } = this;
    if (!journal) return 'none';
    const failure = attempt(() => {
      journal.check();
      journal.probe();
      if (owed.length > 0) journal.commit(owed);
    });
    if (failure) {
      this.nextTryMs = Math.min(2 * this.nextTryMs, LONGEST_TRY_MS);
      return 'none';
    }
    this.heal(journal);
    return 'recovered';
  }

  private degrade(thrown: unknown): void {
    const journal = this.journal?.name ?? '';
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    this.state = 'degraded';
    this.trouble = { journal, reason };
    this.degradedSince = this.clock.monotonicNow();
    this.nextTryMs = FIRST_TRY_MS;
    this.logger.error(this.trouble, 'storage_degraded: nothing is granted until it can be written');
    this.arm(this.nextTryMs);
  }

  private heal(journal: DurableJournal): void {
    const degradedMs = Math.trunc(this.clock.monotonicNow() - this.degradedSince);
    this.healed = { journal: journal.name, degradedMs, written: this.owed.length };
    this.owed = [];
    this.state = 'ok';
    this.logger.info(this.healed, 'storage_recovered');
  }

  /** When that fails there are still enough, and the next commit will show what is wrong. */
  private replenishTokens(): void {
    attempt(() => this.tokens.replenish());
  }

  private arm(ms: number): void {
    if (this.timer) this.clock.clearTimeout(this.timer);
    this.timer = this.clock.setTimeout(this.askForTurn, ms);
    this.timer.unref();
  }
}

const LAST_LOST = 'The last changes could not be written; the next start ends what they ended';

function isDurable(journal: Journal): journal is DurableJournal {
  return journal.isDurable;
}

function attempt(act: () => unknown): { readonly thrown: unknown } | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    return { thrown };
  }
}
