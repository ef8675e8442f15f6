/**
 * Many rows at once: a call of the driver costs as much as the row that it writes or deletes.
 */
import type { Column } from './checksum.ts';
import type { Connection, Statement } from './sqlite-connection.ts';

/** Rows of one insert. More of them save little. */
const ROWS = 16;

/** Adds rows to a table, so many to a statement. What was added stands there after `flush`. */
export class BulkInsert {
  private readonly one: Statement;
  private readonly many: Statement;
  private readonly width: number;
  private columns: Column[] = [];

  constructor(connection: Connection, table: string, width: number) {
    const row = `(${Array(width).fill('?').join(', ')})`;
    const insert = (rows: number) =>
      connection.prepare(
        `INSERT OR REPLACE INTO ${table} VALUES ${Array(rows).fill(row).join(', ')}`,
      );
    this.one = insert(1);
    this.many = insert(ROWS);
    this.width = width;
  }

  add(row: readonly Column[]): void {
    this.columns.push(...row);
    if (this.columns.length < ROWS * this.width) return;
    this.many.run(...this.columns);
    this.columns = [];
  }

  flush(): void {
    const { columns, width } = this;
    for (let at = 0; at < columns.length; at += width) {
      this.one.run(...columns.slice(at, at + width));
    }
    this.columns = [];
  }

  /** For a batch that begins: what another has left undone is none of its. */
  forget(): void {
    this.columns = [];
  }
}

/**
 * Deletes rows by their tokens, neighbours with one statement: what was granted in a row is often given
 * back in a row. They go at `flush`.
 */
export class BulkDelete {
  private readonly range: Statement;
  private tokens: number[] = [];

  constructor(connection: Connection, table: string) {
    this.range = connection.prepare(`DELETE FROM ${table} WHERE token BETWEEN ? AND ?`);
  }

  add(token: number): void {
    this.tokens.push(token);
  }

  flush(): void {
    const tokens = this.tokens.sort((one, other) => one - other);
    let [first] = tokens;
    for (const [place, token] of tokens.entries()) {
      const next = tokens[place + 1];
      if (first === undefined || next === token || next === token + 1) continue;
      this.range.run(first, token);
      first = next;
    }
    this.tokens = [];
  }

  forget(): void {
    this.tokens = [];
  }
}
