/**
 * The sessions that jobs run in: opened for the first job that needs one, closed when the last has ended.
 *
 * So a session holds its slot no longer than there is work for it, whatever there is that waits for a session.
 */
import type { Slotkeeper } from '../../../supervisors/start-slotkeeper.ts';
import type { Session } from '../../sessions/index.ts';

interface OpenSession {
  readonly opening: Promise<Session>;
  /** It is open, or waits for its slot. */
  readonly asked: Promise<unknown>;
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

  /** Resolves when it is open, or when it is known that it has to wait: who asks next asks after it. */
  async begin(id: string): Promise<void> {
    const entry = this.byId.get(id) ?? this.enter(id);
    await entry.asked;
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
    const asked = this.ask(id);
    const entry = { opening: asked.then((session) => session ?? this.wait(id)), asked, users: 0 };
    // Whoever needs it hears of it.
    entry.opening.catch(() => {});
    this.byId.set(id, entry);
    return entry;
  }

  /** `undefined` where there is no room, and whatever else there is against it: who waits will be told. */
  private async ask(sessionId: string): Promise<Session | undefined> {
    await this.closing.get(sessionId);
    return this.keeper.openSession({ sessionId }).catch(() => undefined);
  }

  private wait(sessionId: string): Promise<Session> {
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
