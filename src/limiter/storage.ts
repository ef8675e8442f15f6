/**
 * The limiter's side of its journal: whether it can be written, and what it is owed while it cannot.
 *
 * A commit that fails is no crash. From then on the storage is degraded: nothing is granted, because
 * what is not written down must not be given; but what ends has ended, whether or not it can be
 * written, and is owed to the journal. The journal is tried again after 100 ms, then after twice as
 * long each time, up to 5 s. Once it takes what it is owed, all is as before.
 */
import type { DurableJournal, Journal, JournalChange, Recovered } from '../journal/journal.ts';
import type { EventChannel } from '../otp/event-channel.ts';
import type { Clock, ClockTimer, Logger } from '../otp/index.ts';
import {
  type StorageDegraded,
  type StorageRecovered,
  storageDegraded,
  storageRecovered,
} from './channels.ts';
import type { StorageState } from './status.ts';
import { processTokens, TokenSource } from './token-source.ts';

const FIRST_TRY_MS = 100;
const LONGEST_TRY_MS = 5_000;
/** How often it is looked whether the journal is where it was. */
const CHECK_MS = 1_000;

/** What is to be told. */
type StorageNews =
  | { readonly channel: typeof storageDegraded; readonly event: StorageDegraded }
  | { readonly channel: typeof storageRecovered; readonly event: StorageRecovered };

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
  state: StorageState = 'ok';
  /** What the last thing that failed has said. */
  trouble = '';
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly askForTurn: () => void;
  /** Ends that are not written yet, oldest first. */
  private owed: JournalChange[] = [];
  /** What has not been told yet, oldest first: a batch that is taken back does not make it undone. */
  private readonly news: StorageNews[] = [];
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

  /** Whether waiters may be there who could be granted: until it is told that they were. */
  get holdsBack(): boolean {
    return this.isDegraded || this.news.length > 0;
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
  examine(): void {
    if (this.isDegraded) this.tryAgain();
    else this.check();
    if (!this.isDegraded) this.arm(CHECK_MS);
  }

  /** Tells, once, that it can be written no more, or can be again. */
  tellNews(tell: <Event extends object>(channel: EventChannel<Event>, event: Event) => void): void {
    for (let one = this.news.shift(); one; one = this.news.shift()) {
      if (one.channel === storageDegraded) {
        this.logger.error(
          one.event,
          'storage_degraded: nothing is granted until it can be written',
        );
      } else {
        this.logger.info(one.event, 'storage_recovered');
      }
      tell<object>(one.channel, one.event);
    }
  }

  /** The limiter has ended: writes what it can. */
  close(last: readonly JournalChange[]): void {
    const { journal } = this;
    if (!journal) return;
    if (this.timer) this.clock.clearTimeout(this.timer);
    const failure = attempt(() => journal.commit([...this.owed, ...last]));
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

  private check(): void {
    const failure = attempt(() => this.journal?.check());
    if (failure) this.degrade(failure.thrown);
  }

  private tryAgain(): void {
    const { journal, owed } = this;
    if (!journal) return;
    const failure = attempt(() => {
      journal.check();
      journal.probe();
      if (owed.length > 0) journal.commit(owed);
    });
    if (failure) this.tryLater();
    else this.heal(journal);
  }

  private tryLater(): void {
    this.nextTryMs = Math.min(2 * this.nextTryMs, LONGEST_TRY_MS);
    this.arm(this.nextTryMs);
  }

  private degrade(thrown: unknown): void {
    this.state = 'degraded';
    this.trouble = thrown instanceof Error ? thrown.message : String(thrown);
    if (this.news.at(-1)?.channel === storageRecovered) this.relapse();
    else this.fail();
  }

  private fail(): void {
    const journal = this.journal?.name ?? '';
    this.news.push({ channel: storageDegraded, event: { journal, reason: this.trouble } });
    this.degradedSince = this.clock.monotonicNow();
    this.nextTryMs = FIRST_TRY_MS;
    this.arm(this.nextTryMs);
  }

  /** It took what it was owed, but not what was to be granted then. It has never been well. */
  private relapse(): void {
    this.news.pop();
    this.tryLater();
  }

  private heal(journal: DurableJournal): void {
    const degradedMs = Math.trunc(this.clock.monotonicNow() - this.degradedSince);
    const event = { journal: journal.name, degradedMs, written: this.owed.length };
    this.news.push({ channel: storageRecovered, event });
    this.owed = [];
    this.state = 'ok';
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
