/**
 * A connection to SQLite, as far as the journal uses it. `sqlite-journal.ts` alone knows the driver.
 */
export interface Connection {
  prepare(source: string): Statement;
  transaction<Arguments extends unknown[]>(
    act: (...args: Arguments) => void,
  ): ((...args: Arguments) => void) & { readonly immediate: (...args: Arguments) => void };
  pragma(source: string, options?: { simple?: boolean }): unknown;
  function(
    name: string,
    options: { deterministic: boolean },
    act: (...args: unknown[]) => unknown,
  ): unknown;
  exec(source: string): unknown;
  close(): unknown;
}

/** Opens a database that waits so long for a lock of others. */
export type Connect = (
  path: string,
  options: { readonly: boolean; timeoutMs: number },
) => Connection;

export interface Statement {
  run(...parameters: unknown[]): unknown;
  get(...parameters: unknown[]): unknown;
  all(...parameters: unknown[]): unknown[];
  raw(): Statement;
}
