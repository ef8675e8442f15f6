/**
 * The sessions that jobs run in: opened for the first job that needs one, closed when the last has ended.
 *
 * So a session holds its slot no longer than there is work for it, whatever there is that waits for a session.
 */
import type { Slotkeeper } from '../../../supervisors/start-slotkeeper.ts';
import type { Session } from '../../sessions/index.ts';

interface OpenSession {
  readonly opening: Promise<Session>;
  users: number;
}

export class OpenSessions {
  private readonly keeper: Slotkeeper;
  private readonly byId = new Map<string, OpenSession>();
  /** By id, while they close. */
  private readonly closing = new Map<string, Promise<void>>();
  private readonly refusal = new AbortController();

  constructor(keeper: Slotkeeper) {
    this.keeper = keeper;
  }

  /** The session for as long as `work` takes. Rejects as `openSession` and `work` do. */
  async within<Result>(id: string, work: (session: Session) => Promise<Result>): Promise<Result> {
    const entry = this.byId.get(id) ?? this.enter(id);
    entry.users += 1;
    try {
      return await work(await entry.opening);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.leave(id, entry);
    }
  }

  /** Those that wait for their slot do so no more. */
  refuse(reason: Error): void {
    this.refusal.abort(reason);
  }

  private enter(id: string): OpenSession {
    const entry = { opening: this.openSession(id), users: 0 };
    this.byId.set(id, entry);
    return entry;
  }

  private async openSession(sessionId: string): Promise<Session> {
    await this.closing.get(sessionId);
    const { signal } = this.refusal;
    return this.keeper.openSession({ sessionId, waitTimeoutMs: Infinity, signal });
  }

  private leave(id: string, entry: OpenSession): void {
    this.byId.delete(id);
    const closed = this.close(entry).finally(() => {
      if (this.closing.get(id) === closed) this.closing.delete(id);
    });
    this.closing.set(id, closed);
  }

  /** One that was never open is closed. */
  private async close({ opening }: OpenSession): Promise<void> {
    const session = await opening.catch(() => undefined);
    await session?.close();
  }
}
