/**
 * The crew: all worker threads that there are at a time. They are hired, and lost in whatever way.
 */
import type { ConcurrencyLimiter, SlotRow } from 'slotkeeper';
import type { Auditor } from './auditor.ts';
import type { Chance } from './chance.ts';
import { isHeldBy, type Ledger } from './ledger.ts';
import type { Complaints } from './tally.ts';
import { Thread, WAYS } from './thread.ts';

export class Crew {
  threads: Thread[] = [];
  private readonly limiter: ConcurrencyLimiter;
  private readonly ledger: Ledger;
  private readonly auditor: Auditor;
  private readonly complaints: Complaints;
  private hired = 0;

  constructor(
    limiter: ConcurrencyLimiter,
    ledger: Ledger,
    auditor: Auditor,
    complaints: Complaints,
  ) {
    this.limiter = limiter;
    this.ledger = ledger;
    this.auditor = auditor;
    this.complaints = complaints;
    auditor.onNews = (id) => {
      for (const thread of this.threads) if (thread.hasNamed(id)) thread.hasNews = true;
    };
  }

  /** A thread more, which is connected. */
  async hire(chance: Chance): Promise<Thread> {
    this.hired += 1;
    const way = chance.pick(WAYS);
    const thread = new Thread(`thread-${this.hired}`, way, this.limiter, this.ledger);
    await thread.answers();
    this.threads.push(thread);
    return thread;
  }

  /** A thread ends in its way, and the limiter has noticed. */
  async lose(thread: Thread): Promise<void> {
    const { ledger, auditor, limiter } = this;
    this.threads = this.threads.filter((other) => other !== thread);
    const held = ledger.living.filter((hold) => isHeldBy(hold, thread.mortal));
    const waits = new Set([...thread.asks.values()].map(({ subject }) => subject));
    await ledger.kill(thread.mortal);
    const isHeld = () => held.some(({ token }) => auditor.held.has(token));
    const isWaiting = () =>
      [...limiter.list({ state: 'waiting' })].some((row) => waits.has(subjectOf(row)));
    await keepingAlive(auditor.until(() => !isHeld() && !isWaiting()));
  }

  /** Until all that the threads were sent has been told, and they know what they hold. */
  async sync(): Promise<void> {
    const concerned = this.threads.filter(({ hasNews }) => hasNews);
    await Promise.all(concerned.map((thread) => thread.sync()));
    for (const thread of concerned) this.compare(thread);
  }

  private compare(thread: Thread): void {
    const tokens = thread.read();
    const held = this.ledger.living.filter((hold) => isHeldBy(hold, thread.mortal));
    const known = held.map(({ token }) => token);
    this.complaints.expectSame(known, tokens, `what ${thread.name} thinks that it holds`);
  }
}

/** The limiter's ports do not keep the process alive, so it would end before they have closed. */
async function keepingAlive(waiting: Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    throw new Error('The limiter has not noticed the end of a thread');
  }, LONG_AFTER_MS);
  await waiting;
  clearTimeout(timer);
}

/** Only who waits in vain waits so long. */
const LONG_AFTER_MS = 30_000;

function subjectOf(row: SlotRow): string {
  return row.type === 'run' ? `run ${row.runId}` : `session ${row.sessionId}`;
}
