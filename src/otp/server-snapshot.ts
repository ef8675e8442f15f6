/**
 * What XState sees of a server: a snapshot whose `context` is the server's state.
 *
 * It is a new object only when the state is another object or the server has ended, so a server that
 * changes its state in place costs no snapshot per message. Its JSON goes through `formatStatus`.
 */
import type { Snapshot, SnapshotStatus } from 'xstate';
import type { ExitReason } from './exit-reason.ts';
import type { Server } from './server.ts';
import type { ServerTypes, StateOf } from './server-types.ts';

declare const TYPES: unique symbol;

/** A server's snapshot, with the fields that XState expects of each status. */
export type ServerSnapshot<T extends ServerTypes = ServerTypes> = Snapshot<ExitReason> & Taken<T>;

/** Takes the snapshot of a server as it is now. */
export function takeSnapshot(
  server: Server,
  status: SnapshotStatus,
  error?: unknown,
): ServerSnapshot {
  // XState's type is a union by status; which member this is, the server's phase says.
  return new Taken(server, status, error) as ServerSnapshot;
}

/** The server that a snapshot was taken of. */
export function serverIn(snapshot: ServerSnapshot): Server {
  return Taken.serverOf(snapshot);
}

/** The server that an XState actor runs, `undefined` if it runs other logic. */
export function serverOf(actor: Snapshotted): Server | undefined {
  const snapshot = readSnapshot(actor);
  return snapshot instanceof Taken ? Taken.serverOf(snapshot) : undefined;
}

interface Snapshotted {
  getSnapshot(): unknown;
}

/** XState's development build throws while an actor makes its first snapshot. */
function readSnapshot(actor: Snapshotted): unknown {
  try {
    return actor.getSnapshot();
  } catch {
    return undefined;
  }
}

class Taken<T extends ServerTypes = ServerTypes> {
  /** Carries the server's types; never there at run time. */
  declare readonly [TYPES]?: T;
  readonly status: SnapshotStatus;
  readonly context: StateOf<T>;
  /** The reason of an orderly end, once `status` is `done`. */
  readonly output: ExitReason | undefined;
  readonly error: unknown;
  readonly #server: Server;

  constructor(server: Server, status: SnapshotStatus, error: unknown) {
    this.status = status;
    this.context = server.state as StateOf<T>;
    this.output = status === 'done' ? server.exitReason : undefined;
    this.error = error;
    this.#server = server;
  }

  static serverOf(snapshot: Taken): Server {
    return snapshot.#server;
  }

  toJSON(): Snapshot<unknown> & { readonly context: unknown } {
    const { status, output, error } = this;
    const context = this.#server.formattedStatus({ state: this.context }).state;
    return { status, context, output, error } as Snapshot<unknown> & { context: unknown };
  }
}
