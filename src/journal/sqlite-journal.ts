/**
 * The journal in a SQLite file. The one module that knows the driver.
 *
 * A file belongs to one keeper, who has its lock (`sqlite-lock.ts`). It is inspected by a read-only
 * connection before it is changed; that connection then stays open as a guard: while it is there, the
 * connection that writes is not the last one, and its end does not remove a log that may by then be
 * somebody else's.
 */
import Database from 'better-sqlite3';
import { type Boot, type Durability, newBoot } from './boot.ts';
import type { DurableJournal, JournalChange, Recovered } from './journal.ts';
import { journalUnavailable } from './journal-faults.ts';
import { JournalFile } from './journal-file.ts';
import type { Connect, Connection } from './sqlite-connection.ts';
import { asFault, inspect, type JournalContent } from './sqlite-inspection.ts';
import { lock } from './sqlite-lock.ts';
import { runOf, sessionOf } from './sqlite-rows.ts';
import { APPLICATION_ID, SCHEMA_VERSION, stepsFrom } from './sqlite-schema.ts';
import { type Retention, SqliteWriter } from './sqlite-writer.ts';

export interface SqliteJournalOptions {
  readonly path: string;
  /** What an answer has survived: the end of the process (default) or the loss of power. */
  readonly durability?: Durability;
  readonly retention?: Partial<Retention>;
}

const AN_HOUR = 3_600_000;
/** For whoever reads or copies the file; the loop stands still meanwhile. */
const BUSY_TIMEOUT_MS = 500;
/** A log is written back at so many pages of 4 KiB, and cut to this size once it is. */
const CHECKPOINT_PAGES = 1_000;
const LONGEST_LOG_BYTES = 16 * 2 ** 20;

export const connect: Connect = (path, { readonly, timeoutMs }) => {
  try {
    return new Database(path, { readonly, timeout: timeoutMs, fileMustExist: true }) as Connection;
  } catch (error) {
    if (error instanceof Database.SqliteError) throw error;
    throw journalUnavailable(
      path,
      'cannot be opened: the driver better-sqlite3 does not load',
      error,
    );
  }
};

/**
 * Opens the journal at `path`, or makes it. Throws `journal_in_use`, `journal_corrupt`,
 * `journal_schema_unsupported`, `journal_unavailable`; the file is then as it was.
 */
export function openSqliteJournal(options: SqliteJournalOptions): SqliteJournal {
  const file = new JournalFile(options.path);
  file.exists(); // what is no journal is refused before anything is put beside it
  const held = lock(file, connect, () => pidIn(file));
  try {
    return new SqliteJournal(file, held, options);
  } catch (error) {
    held.close();
    throw error;
  }
}

export class SqliteJournal implements DurableJournal {
  readonly isDurable = true;
  readonly durability: Durability;
  private readonly file: JournalFile;
  private lock: Connection;
  private lockIdentity: string | undefined;
  private readonly retention: Retention;
  private readonly content: JournalContent;
  private identity: string | undefined;
  private walIdentity: string | undefined = undefined;
  private guard: Connection | undefined;
  private connection: Connection | undefined;
  private writer: SqliteWriter | undefined;
  private nextToken: number;
  private bootId = '';
  private isClosed = false;
  /** It was seen that the file is not where it was, or its log; nothing is written any more. */
  private isLost = false;

  constructor(file: JournalFile, held: Connection, options: SqliteJournalOptions) {
    this.file = file;
    this.lock = held;
    this.lockIdentity = file.lockIdentity();
    this.durability = options.durability ?? 'process';
    const { maxAgeMs = AN_HOUR, maxCount = 10_000 } = options.retention ?? {};
    this.retention = { maxAgeMs, maxCount };
    if (!file.exists()) file.create(makeJournal);
    const guard = connectOrExplain(file, true);
    this.guard = guard;
    try {
      this.content = inspect(guard, file, connect);
      this.nextToken = this.content.nextToken;
      this.open();
      file.beginUse();
    } catch (error) {
      guard.close();
      throw error;
    }
  }

  get name(): string {
    return this.file.path;
  }

  recover(now: number): Recovered {
    const { sessions, runs, waiting, activity, terms, closed, endedRuns } = this.content;
    const { limits, limitsChange } = this.content;
    const commands = runs.filter(([, , , life]) => life === 'command');
    const atWork = new Set([
      ...commands.map(([, , sessionId]) => sessionId),
      ...waiting.map(({ sessionId }) => sessionId),
    ]);
    const living = sessions
      .filter(([, sessionId, life]) => life !== 'process' || atWork.has(sessionId))
      .map((row) => sessionOf(row, terms));
    const dead = runs.filter(([, , , life]) => life === 'process');
    const inUse = new Set([...atWork, ...dead.map(([, , sessionId]) => sessionId)]);
    // Nobody knows when they died; that it was just now ends no session too early.
    const stillActive = living.filter(({ sessionId }) => inUse.has(sessionId));
    const tokens = stillActive.map(({ token }) => token);
    this.explained(() => this.begin(newBoot(this.durability, now), tokens));
    const lastActiveAt = (token: number, grantedAt: number) => activity.get(token) ?? grantedAt;
    return {
      sessions: living.map((session) => ({
        ...session,
        lastActiveAt: inUse.has(session.sessionId)
          ? now
          : lastActiveAt(session.token, session.grantedAt),
      })),
      runs: commands.map((row) => runOf(row, terms)),
      waiting,
      closed,
      endedRuns,
      limits,
      limitsChange,
      interruptedSessions: sessions.length - living.length,
      interruptedRuns: dead.length,
    };
  }

  read(): Pick<Recovered, 'sessions' | 'runs'> {
    const { connection } = this;
    if (!connection) throw journalUnavailable(this.name, 'is not where it was');
    // Its log is its own: what stands there was written by this connection.
    const own = { path: this.name, walPath: undefined };
    const { sessions, runs, activity, terms } = inspect(connection, own, connect);
    return {
      sessions: sessions.map((row) => ({
        ...sessionOf(row, terms),
        lastActiveAt: activity.get(row[0]) ?? row[6],
      })),
      runs: runs.map((row) => runOf(row, terms)),
    };
  }

  commit(changes: readonly JournalChange[]): void {
    this.explained(() => this.opened.commit(changes));
  }

  /** Synchronized with the disk, at either level. */
  reserveTokens(count: number): number {
    const first = this.nextToken;
    const { connection } = this;
    connection?.pragma('synchronous = FULL');
    try {
      this.explained(() => this.opened.setFact('next_token', String(first + count)));
    } finally {
      connection?.pragma(`synchronous = ${levelOf(this.durability)}`);
    }
    this.nextToken = first + count;
    return first;
  }

  check(): void {
    this.isLost = true;
    if (this.file.identity() !== this.identity) {
      throw journalUnavailable(this.name, 'was moved, removed or replaced; put it back or restart');
    }
    this.keepLock();
    const isOurLog = this.file.walIdentity() === this.walIdentity;
    if (!isOurLog && this.file.hasLog()) {
      throw journalUnavailable(this.name, 'has a log (-wal) of somebody else; remove it');
    }
    if (!isOurLog) this.renewLog();
    this.isLost = false;
  }

  probe(): void {
    this.explained(() => this.opened.setFact('probe', String(Date.now())));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    const { guard, connection } = this;
    // The last one to close removes the log by its name, whosever it is by then.
    for (const each of this.isOurs ? [guard, connection] : [connection, guard]) each?.close();
    this.lock.close();
    this.file.endUse();
  }

  /** Somebody has removed the lock, and whoever comes could take it: it is taken anew, if nobody has come. */
  private keepLock(): void {
    if (this.file.lockIdentity() === this.lockIdentity) return;
    const held = lock(this.file, connect, () => pidIn(this.file));
    try {
      this.expectNobodyElse();
    } catch (error) {
      held.close();
      throw error;
    }
    this.lock.close();
    this.lock = held;
    this.lockIdentity = this.file.lockIdentity();
  }

  /** Who has had it meanwhile may have written what this keeper does not know. */
  private expectNobodyElse(): void {
    const row = this.connection?.prepare("SELECT value FROM facts WHERE name = 'boot'").get();
    const { value } = row as { value: string }; // written by `recover`
    if ((JSON.parse(value) as Boot).bootId === this.bootId) return;
    throw journalUnavailable(this.name, 'has been with another keeper meanwhile; restart');
  }

  /** Whether what lies at the path, log included, is what was opened. */
  private get isOurs(): boolean {
    const { file } = this;
    if (this.isLost || file.identity() !== this.identity) return false;
    return file.walIdentity() === this.walIdentity || !file.hasLog();
  }

  private get opened(): SqliteWriter {
    if (this.writer && !this.isClosed && !this.isLost) return this.writer;
    throw journalUnavailable(this.name, this.isClosed ? 'is closed' : 'is not where it was');
  }

  /**
   * The boot goes into the file itself: it tells what to think of a log that is broken, and so must not
   * stand in the log alone. What an unfinished transaction has left there is overwritten from then on.
   */
  private begin(boot: Boot, stillActive: readonly number[]): void {
    this.bootId = boot.bootId;
    this.opened.begin(boot, stillActive);
    this.connection?.pragma('wal_checkpoint(PASSIVE)');
  }

  /** What SQLite says is said in words that help. */
  private explained(act: () => void): void {
    try {
      act();
    } catch (error) {
      throw asFault(error, this.name);
    }
  }

  private open(): void {
    this.guard ??= connectOrExplain(this.file, true);
    const connection = connectOrExplain(this.file, false);
    try {
      migrate(connection);
      configure(connection, this.durability);
      this.writer = new SqliteWriter(connection, this.retention);
    } catch (error) {
      connection.close();
      throw asFault(error, this.name);
    }
    this.connection = connection;
    this.identity ??= this.file.identity();
    this.walIdentity = this.file.walIdentity();
  }

  /**
   * Somebody has removed the log; what stands in it goes into the file, and a new one is begun. SQLite
   * shares between the connections of a process what it knows of a log, so all are closed first.
   */
  private renewLog(): void {
    if (this.connection) writeBack(this.connection, this.name);
    this.connection?.close();
    this.guard?.close();
    this.writer = this.connection = this.guard = undefined;
    this.open();
  }
}

/** All of the log, or it throws. */
function writeBack(connection: Connection, path: string): void {
  const isBusy = connection.pragma('wal_checkpoint(TRUNCATE)', { simple: true });
  if (isBusy) throw journalUnavailable(path, 'has lost its log (-wal), and is read by somebody');
}

function makeJournal(path: string): void {
  const connection = connect(path, { readonly: false, timeoutMs: BUSY_TIMEOUT_MS });
  try {
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    migrate(connection);
    // Here, so that no half of it is ever to be seen.
    connection.pragma('journal_mode = WAL');
  } finally {
    connection.close();
  }
}

/** Step by step, all of them or none. */
function migrate(connection: Connection): void {
  const version = connection.pragma('user_version', { simple: true }) as number;
  if (version === SCHEMA_VERSION) return;
  connection
    .transaction(() => {
      for (const step of stepsFrom(version)) connection.exec(step);
      connection.pragma(`user_version = ${SCHEMA_VERSION}`);
    })
    .immediate();
}

/** Each is said, also where it is the default: what it is after the first write is not what it is before. */
function configure(connection: Connection, durability: Durability): void {
  connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  connection.pragma('journal_mode = WAL');
  connection.pragma(`synchronous = ${levelOf(durability)}`);
  connection.pragma(`fullfsync = ${durability === 'power' ? 'ON' : 'OFF'}`);
  // The log is written from front to back only, as its inspection takes it to be; see wal-inspection.ts.
  connection.pragma('cache_spill = OFF');
  connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  connection.pragma(`journal_size_limit = ${LONGEST_LOG_BYTES}`);
}

function levelOf(durability: Durability): 'FULL' | 'NORMAL' {
  return durability === 'power' ? 'FULL' : 'NORMAL';
}

function connectOrExplain(file: JournalFile, readonly: boolean): Connection {
  try {
    return connect(file.path, { readonly, timeoutMs: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw asFault(error, file.path);
  }
}

/** Who has the journal, as it says itself. */
function pidIn(file: JournalFile): number | undefined {
  try {
    const connection = connect(file.path, { readonly: true, timeoutMs: BUSY_TIMEOUT_MS });
    try {
      return inspect(connection, file, connect).boot?.pid;
    } finally {
      connection.close();
    }
  } catch {
    return undefined; // it is only said in addition
  }
}
