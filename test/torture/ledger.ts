/**
 * What the parent was told in one life of a hammering process: which slots are held for certain, which
 * have ended for certain, and which may be either, because something about them was asked and not answered.
 */
import type { Line } from './life.ts';

export interface Asked {
  readonly act: 'acquire' | 'release' | 'renew' | 'limits';
  readonly sessionId: string;
  /** Of a run. */
  readonly runId?: string;
  readonly token?: number;
  readonly leaseMs?: number;
  /** Whose turns follow each other: his tokens rise. */
  readonly of?: string;
  readonly changes?: object;
}

export interface KnownSlot {
  readonly token: number;
  readonly sessionId: string;
  readonly runId: string | null;
  /** It may end at any time. */
  readonly hasLease: boolean;
  state: 'held' | 'unsure' | 'ended';
}

interface OpenAsk {
  readonly asked: Asked;
  /** Slots that will have ended when it is answered. */
  readonly ends: readonly KnownSlot[];
  /** How many slots had ended, and how many releases were answered, when it was asked. */
  readonly endsBefore: number;
  readonly releasesBefore: number;
}

export class Ledger {
  readonly slots = new Map<number, KnownSlot>();
  readonly open = new Map<number, OpenAsk>();
  /** What was answered, and what was asked last, in its order. */
  readonly limits: { answered: object[]; asked: object[] } = { answered: [], asked: [] };
  readonly wrongs: string[] = [];
  asks = 0;
  answers = 0;
  grants = 0;
  releases = 0;
  refusals = 0;
  private readonly highestBefore: number;
  private readonly living = new Set<KnownSlot>();
  private readonly openReleases = new Set<Asked>();
  private readonly answeredReleases: Asked[] = [];
  /** Ended slots, with how many had ended before each. */
  private readonly ended = new Map<number, number>();
  private readonly lastOf = new Map<string, number>();

  /** `survivors`: what the life begins with. `highestBefore`: no token of it may come again. */
  constructor(survivors: Iterable<KnownSlot>, highestBefore: number) {
    for (const slot of survivors) this.add({ ...slot });
    this.highestBefore = highestBefore;
  }

  take([word, ...rest]: Line): void {
    const number = rest[0] as number; // see hammer-report.mjs, here and below
    if (word === 'ask') this.ask(number, rest[1] as Asked);
    else if (word === 'answer') this.answer(number, rest[1]);
    else if (word === 'refused') this.refuse(number);
    else if (word === 'lost') this.lose(number);
    else if (word === 'broken') this.wrongs.push(rest[0] as string);
  }

  /** Whether it was asked for and not answered. */
  isAskedFor(sessionId: string, runId: string | null): boolean {
    for (const { asked } of this.open.values()) {
      if (asked.act !== 'acquire' || asked.sessionId !== sessionId) continue;
      if ((asked.runId ?? null) === runId) return true;
    }
    return false;
  }

  private ask(number: number, asked: Asked): void {
    this.asks += 1;
    const isRelease = asked.act === 'release';
    const touched = isRelease ? [...this.living].filter((slot) => mayEnd(asked, slot)) : [];
    for (const slot of touched) slot.state = 'unsure';
    const ends = touched.filter((slot) => surelyEnds(asked, slot));
    const endsBefore = this.ended.size;
    const releasesBefore = this.answeredReleases.length;
    this.open.set(number, { asked, ends, endsBefore, releasesBefore });
    if (isRelease) this.openReleases.add(asked);
    if (asked.act === 'limits') this.limits.asked.push(asked.changes ?? {});
  }

  private answer(number: number, answer: unknown): void {
    const open = this.close(number);
    if (!open) return;
    const { asked, ends } = open;
    this.answers += 1;
    if (asked.act === 'acquire') this.grant(open, (answer as { token: number }).token);
    if (asked.act === 'limits') this.limits.answered.push(asked.changes ?? {});
    if (asked.act !== 'release') return;
    this.releases += 1;
    this.answeredReleases.push(asked);
    for (const slot of ends) this.end(slot);
  }

  private refuse(number: number): void {
    this.close(number);
    this.refusals += 1;
  }

  private close(number: number): OpenAsk | undefined {
    const open = this.open.get(number);
    if (!open) this.wrongs.push(`Answer ${number} came without an ask, or twice`);
    this.open.delete(number);
    if (open) this.openReleases.delete(open.asked);
    return open;
  }

  private grant({ asked, endsBefore, releasesBefore }: OpenAsk, token: number): void {
    const { sessionId, runId = null, leaseMs } = asked;
    const known = this.slots.get(token);
    if (known) {
      const isSame = known.sessionId === sessionId && known.runId === runId;
      const isOver = (this.ended.get(token) ?? Infinity) < endsBefore;
      if (!isSame || isOver) this.wrongs.push(`Token ${token} was given again, to ${sessionId}`);
      return;
    }
    this.grants += 1;
    const slot: KnownSlot = {
      ...{ token, sessionId, runId, hasLease: leaseMs !== undefined },
      state: leaseMs === undefined ? 'held' : 'unsure',
    };
    // Somebody may have had it ended since it was asked for: nobody knows who came first.
    const releases = [...this.openReleases, ...this.answeredReleases.slice(releasesBefore)];
    if (releases.some((release) => mayEnd(release, slot))) slot.state = 'unsure';
    this.add(slot);
    this.checkRise(asked, token);
  }

  private checkRise({ of = '' }: Asked, token: number): void {
    const last = this.lastOf.get(of) ?? 0;
    const isRising = token > this.highestBefore && (of === '' || token > last);
    if (!isRising) this.wrongs.push(`Token ${token} came after ${this.highestBefore}, ${last}`);
    this.lastOf.set(of, token);
  }

  private lose(token: number): void {
    const slot = this.slots.get(token);
    if (slot) this.end(slot);
  }

  private add(slot: KnownSlot): void {
    this.slots.set(slot.token, slot);
    this.living.add(slot);
  }

  private end(slot: KnownSlot): void {
    if (slot.state === 'ended') return;
    slot.state = 'ended';
    this.living.delete(slot);
    this.ended.set(slot.token, this.ended.size);
  }
}

/** Whether a release may end it; that of a session ends its runs too. */
function mayEnd({ sessionId, runId, token }: Asked, slot: KnownSlot): boolean {
  if (slot.sessionId !== sessionId) return false;
  if (runId !== undefined) return slot.runId === runId;
  return slot.runId !== null || token === undefined || slot.token === token;
}

/** Whether it has ended once the release is answered: by an old token nothing is. */
function surelyEnds({ token }: Asked, slot: KnownSlot): boolean {
  return token === undefined || slot.token === token;
}
