/**
 * A worker thread with a port to the limiter, as it is seen from here: the holder of what it acquires.
 *
 * Its messages come in real time. So they lie in its inbox until they are read, and that is after `sync`:
 * then all that the limiter has sent to it has been told.
 */
import { Worker } from 'node:worker_threads';
import type { ConcurrencyLimiter } from 'slotkeeper';
import { type Ask, optionsOf, type Terms } from './ask.ts';
import type { Ledger } from './ledger.ts';
import { Mortal } from './mortal.ts';
import type { Order, Telling } from './thread-program.ts';

/** Compiled beside this file. */
const PROGRAM = new URL('./thread-program.js', import.meta.url);

export const WAYS = ['exits', 'throws', 'is terminated', 'leaves'] as const;

export type Way = (typeof WAYS)[number];

/** How it is told to end. */
const ORDERS = { exits: 'exit', throws: 'throw', leaves: 'leave' } as const;

export class Thread {
  readonly name: string;
  readonly mortal: Mortal;
  readonly asks = new Map<number, Ask>();
  /** Whether it was sent something that it has not told. */
  hasNews = true;
  private readonly worker: Worker;
  private readonly ended: Promise<number>;
  private readonly ledger: Ledger;
  private tokens: readonly number[] = [];
  /** What it told, until somebody wants to know: messages come when they come. */
  private inbox: Telling[] = [];
  private heard: () => void = () => {};
  private acquires = 0;

  constructor(name: string, way: Way, limiter: ConcurrencyLimiter, ledger: Ledger) {
    const port = limiter.openPort();
    this.name = name;
    this.ledger = ledger;
    this.worker = new Worker(PROGRAM, { workerData: { port }, transferList: [port] });
    this.ended = new Promise((resolve) => this.worker.once('exit', resolve));
    // A thread that throws is what some of them are about.
    this.worker.on('error', () => {});
    this.worker.on('message', (telling: Telling) => {
      this.inbox.push(telling);
      if (telling.tells === 'ready' || telling.tells === 'synced') this.heard();
    });
    this.mortal = new Mortal(`thread that ${way}`, () => this.end(way));
  }

  /** Resolves when it has connected itself, and when it has answered `sync`. */
  answers(): Promise<void> {
    return new Promise((resolve) => {
      this.heard = resolve;
    });
  }

  /** Whether this is an id of its own. */
  hasNamed(id: string): boolean {
    return id.startsWith(`${this.name}-`);
  }

  /** A run in this session, or a session, under an id that nobody else asks for. */
  acquire(terms: Terms): void {
    this.acquires += 1;
    const own = `${this.name}-${this.acquires}`;
    const ids = terms.type === 'session' ? { sessionId: own } : { runId: own };
    this.ask({ ...terms, ...ids, holder: this.mortal, signal: undefined }, false);
  }

  /** The same id once more, of which its caller thinks better in the same tick. */
  askInVain(terms: Terms): void {
    this.ask(terms, true).reasons.add('aborted');
  }

  abort(ask: Ask): void {
    ask.reasons.add('aborted');
    this.post({ do: 'abort', number: ask.number });
  }

  release(token: number): void {
    this.post({ do: 'release', token });
  }

  /** Lets it tell all that it was sent until now; that is known after `read`. */
  async sync(): Promise<void> {
    const answered = this.answers();
    this.post({ do: 'sync' });
    this.hasNews = false;
    await answered;
  }

  /** Takes note of what it has told. Gives the tokens of what it thinks it holds. */
  read(): readonly number[] {
    for (const telling of this.inbox.splice(0)) this.hear(telling);
    return this.tokens;
  }

  private ask(terms: Terms, isGivenUp: boolean): Ask {
    const ask = this.ledger.ask(terms);
    const { number } = ask;
    const { sessionId, runId } = terms;
    this.asks.set(number, ask);
    const options = optionsOf(terms);
    this.post({ do: 'acquire', number, sessionId, runId, options, isGivenUp });
    return ask;
  }

  private post(order: Order): void {
    this.hasNews = true;
    this.worker.postMessage(order);
  }

  private hear(telling: Telling): void {
    if (telling.tells === 'granted') this.granted(telling.number, telling.token);
    if (telling.tells === 'synced') this.tokens = telling.tokens;
    if (telling.tells === 'refused') {
      this.ledger.refusedWith(this.take(telling.number), telling.refusal);
    }
  }

  private granted(number: number, token: number): void {
    const ask = this.take(number);
    this.ledger.granted(ask, { token, runId: ask.terms.runId, slot: undefined });
  }

  private take(number: number): Ask {
    const ask = this.asks.get(number);
    this.asks.delete(number);
    if (!ask) throw new Error(`${this.name} tells of an acquire that nobody ordered`);
    return ask;
  }

  private async end(way: Way): Promise<void> {
    if (way === 'is terminated') await this.worker.terminate();
    else this.post({ do: ORDERS[way] });
    await this.ended;
    for (const ask of this.asks.values()) this.ledger.forget(ask);
  }
}
