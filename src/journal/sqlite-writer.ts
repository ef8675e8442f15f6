/**
 * How changes are written into a journal's tables: the prepared statements of one connection.
 *
 * A batch is one transaction. An end that is written again finds no row and changes nothing.
 */
import type { Boot } from './boot.ts';
import { checksumOf, endChecksum } from './checksum.ts';
import type { JournalChange } from './journal.ts';
import { BulkDelete, BulkInsert } from './sqlite-bulk.ts';
import type { Connection, Statement } from './sqlite-connection.ts';
import { runRow, sessionRow, textOfLimits } from './sqlite-rows.ts';
import { slotChecksumOf, type WaitingRow, waitingOf, waitingRow } from './sqlite-waiting.ts';

/** How much of what has ended is kept. */
export interface Retention {
  /** Milliseconds since its end. Default an hour. */
  readonly maxAgeMs: number;
  /** Slots. Default 10,000. */
  readonly maxCount: number;
}

/** An end that is to be found again. */
interface KeptEnd {
  readonly reason: string;
  readonly at: number;
  readonly note?: string | null | undefined;
}

type KeptSlotEnd = KeptEnd & { readonly token: number };
type KeptWaitEnd = KeptEnd & { readonly runId: string };

/** How often what is too old is looked for. */
const FORGET_EVERY_MS = 60_000;

const SLOT = 'session_id, life, owner, labels, lease_ms, granted_at';
const END = 'slot_checksum, reason, ended_at, note, checksum';
const ENDED_SESSION = `INSERT INTO ended (token, ${SLOT}, ${END})
  SELECT token, ${SLOT}, checksum, :reason, :at, :note,
    end_checksum(token, :reason, :at, :note) FROM sessions`;
const ENDED_RUN = `INSERT INTO ended (token, run_id, kind, ${SLOT}, ${END})
  SELECT token, run_id, kind, ${SLOT}, checksum, :reason, :at, :note,
    end_checksum(token, :reason, :at, :note) FROM runs`;
const ENDED_WAIT = `INSERT INTO ended (token, run_id, kind, ${SLOT}, ${END})
  SELECT 0, run_id, kind, session_id, 'command', owner, labels, lease_ms, queued_at,
    :slotChecksum, :reason, :at, :note, end_checksum(0, :reason, :at, :note)
  FROM waiting WHERE run_id = :runId`;
const RUN_COLUMNS = 10;
const FORGET_SURPLUS = 'DELETE FROM ended WHERE place <= (SELECT max(place) FROM ended) - ?';
const OF_PROCESS = "life = 'process'";
/** A session in which a command is at work, or waits, lives as long as that. */
const SESSION_OF_PROCESS = `${OF_PROCESS}
  AND session_id NOT IN (SELECT session_id FROM runs WHERE life = 'command')
  AND session_id NOT IN (SELECT session_id FROM waiting)`;
const NEWEST = 'ORDER BY token DESC LIMIT :most';

export class SqliteWriter {
  private readonly retention: Retention;
  /** One transaction: all that is written in it, or nothing. */
  private readonly inOne: (act: () => void) => void;
  private readonly statements: ReturnType<typeof prepare>;
  private readonly addedRuns: BulkInsert;
  private readonly endedRuns: BulkDelete;
  private forgottenAt = 0;
  /** Kept ends of the batch that are more than are kept at all. */
  private surplus = 0;
  /** When the last of those ended that are kept, if any are. */
  private lastEndAt: number | undefined = undefined;
  /** The last activity of each session of the batch. */
  private readonly activity = new Map<number, number>();

  constructor(connection: Connection, retention: Retention) {
    this.retention = retention;
    connection.function('end_checksum', { deterministic: true }, (token, reason, at, note) =>
      endChecksum(token as number, reason as string, at as number, note as string | null),
    );
    this.statements = prepare(connection);
    this.addedRuns = new BulkInsert(connection, 'runs', RUN_COLUMNS);
    this.endedRuns = new BulkDelete(connection, 'runs');
    this.inOne = connection.transaction((act: () => void) => act()).immediate;
  }

  commit(changes: readonly JournalChange[]): void {
    this.inOne(() => this.apply(changes));
  }

  setFact(name: string, value: string): void {
    this.statements.setFact.run(name, value, checksumOf([name, value]));
  }

  /** The first words of a process: what died with the last one, when, and whose the journal is now. */
  begin(boot: Boot, stillActive: readonly number[]): void {
    const at = boot.openedAt;
    const active = stillActive.map((token) => ({ type: 'session_active', token, at }) as const);
    this.inOne(() => {
      this.apply([{ type: 'process_slots_ended', reason: 'interrupted', at }, ...active]);
      this.setFact('boot', JSON.stringify(boot));
    });
  }

  private apply(changes: readonly JournalChange[]): void {
    this.activity.clear();
    this.addedRuns.forget();
    this.endedRuns.forget();
    this.surplus = changes.reduce((kept, change) => kept + Number(isKept(change)), 0);
    this.surplus -= this.retention.maxCount;
    this.lastEndAt = undefined;
    for (const change of changes) this.applyOne(change);
    this.addedRuns.flush();
    this.endedRuns.flush();
    if (this.lastEndAt !== undefined) this.forget(this.lastEndAt);
    for (const [token, at] of this.activity) {
      this.statements.setActivity.run(token, at, checksumOf([token, at]));
    }
  }

  private applyOne(change: JournalChange): void {
    const { statements } = this;
    switch (change.type) {
      case 'run_slot_granted':
        this.addedRuns.add(runRow(change));
        if (change.order !== undefined) this.addTerms(change.token, change.order);
        break;
      case 'run_slot_ended':
        if (this.isToBeKept(change.isKept)) this.keepRun(change);
        // What was given back by its holder, and nothing else, never had an order.
        if (change.isKept) statements.dropTerms.run(change.token);
        this.endedRuns.add(change.token);
        break;
      case 'session_slot_granted':
        statements.addSession.run(...sessionRow(change));
        if (change.terms !== undefined) this.addTerms(change.token, change.terms);
        break;
      case 'session_slot_ended':
        if (this.isToBeKept(change.isKept)) this.keep(statements.keepSession, change);
        statements.dropSession.run(change.token);
        statements.dropActivity.run(change.token);
        statements.dropTerms.run(change.token);
        this.activity.delete(change.token);
        break;
      case 'run_queued':
        statements.addWaiting.run(...waitingRow(change));
        break;
      case 'run_left_queue':
        statements.dropWaiting.run(change.runId);
        break;
      case 'run_wait_ended':
        if (this.isToBeKept(change.isKept)) this.keepWait(change);
        statements.dropWaiting.run(change.runId);
        break;
      case 'session_active':
        this.activity.set(change.token, change.at);
        break;
      case 'limits_changed':
        this.setFact('limits', textOfLimits(change.limits));
        this.setFact('limits_change', JSON.stringify(change.change ?? null));
        break;
      case 'process_slots_ended':
        this.endAllOfProcess(change.reason, change.at);
    }
  }

  /** Of more ends than are kept, the oldest are not even written. */
  private isToBeKept(isKept: boolean): boolean {
    if (!isKept) return false;
    this.surplus -= 1;
    return this.surplus < 0;
  }

  /** Its row is read, so it has to be there. */
  private keepRun(end: KeptSlotEnd): void {
    this.addedRuns.flush();
    this.keep(this.statements.keepRun, end);
  }

  private keep(statement: Statement, { token, reason, at, note = null }: KeptSlotEnd): void {
    statement.run({ token, reason, at, note });
    this.lastEndAt = at;
  }

  private keepWait({ runId, reason, at, note = null }: KeptWaitEnd): void {
    const row = this.statements.readWaiting.get(runId) as WaitingRow | undefined; // as it is selected
    if (!row) return;
    const slotChecksum = slotChecksumOf(waitingOf(row));
    this.statements.keepWait.run({ runId, reason, at, note, slotChecksum });
    this.lastEndAt = at;
  }

  private addTerms(token: number, terms: string): void {
    this.statements.addTerms.run(token, terms, checksumOf([token, terms]));
  }

  private endAllOfProcess(reason: string, at: number): void {
    const { statements, retention } = this;
    this.addedRuns.flush();
    this.endedRuns.flush();
    // SQLite knows no infinite count.
    const most = retention.maxCount === Infinity ? -1 : retention.maxCount;
    statements.keepSessions.run({ reason, at, most, note: null });
    statements.keepRuns.run({ reason, at, most, note: null });
    statements.dropSessions.run();
    statements.dropRuns.run();
    statements.dropLostTerms.run();
    this.lastEndAt = at;
  }

  /** What is too much or too old goes. */
  private forget(now: number): void {
    const { maxAgeMs, maxCount } = this.retention;
    this.statements.forgetSurplus.run(maxCount);
    if (Math.abs(now - this.forgottenAt) < FORGET_EVERY_MS) return;
    this.forgottenAt = now;
    this.statements.forgetOld.run(now - maxAgeMs);
  }
}

function isKept(change: JournalChange): boolean {
  return 'isKept' in change && change.isKept;
}

function prepare(connection: Connection) {
  const values = (columns: number) => `VALUES (${Array(columns).fill('?').join(', ')})`;
  return {
    addSession: connection.prepare(`INSERT OR REPLACE INTO sessions ${values(8)}`),
    dropSession: connection.prepare('DELETE FROM sessions WHERE token = ?'),
    dropActivity: connection.prepare('DELETE FROM activity WHERE token = ?'),
    addTerms: connection.prepare(`INSERT OR REPLACE INTO terms ${values(3)}`),
    dropTerms: connection.prepare('DELETE FROM terms WHERE token = ?'),
    setActivity: connection.prepare(`INSERT OR REPLACE INTO activity ${values(3)}`),
    setFact: connection.prepare(`INSERT OR REPLACE INTO facts ${values(3)}`),
    keepSession: connection.prepare(`${ENDED_SESSION} WHERE token = :token`),
    keepRun: connection.prepare(`${ENDED_RUN} WHERE token = :token`),
    addWaiting: connection.prepare(`INSERT OR REPLACE INTO waiting ${values(12)}`),
    readWaiting: connection.prepare('SELECT * FROM waiting WHERE run_id = ?').raw(),
    dropWaiting: connection.prepare('DELETE FROM waiting WHERE run_id = ?'),
    keepWait: connection.prepare(ENDED_WAIT),
    keepSessions: connection.prepare(`${ENDED_SESSION} WHERE ${SESSION_OF_PROCESS} ${NEWEST}`),
    keepRuns: connection.prepare(`${ENDED_RUN} WHERE ${OF_PROCESS} ${NEWEST}`),
    dropSessions: connection.prepare(`DELETE FROM sessions WHERE ${SESSION_OF_PROCESS}`),
    dropRuns: connection.prepare(`DELETE FROM runs WHERE ${OF_PROCESS}`),
    dropLostTerms: connection.prepare(
      'DELETE FROM terms WHERE token NOT IN (SELECT token FROM sessions UNION SELECT token FROM runs)',
    ),
    forgetSurplus: connection.prepare(FORGET_SURPLUS),
    forgetOld: connection.prepare('DELETE FROM ended WHERE ended_at < ?'),
  };
}
