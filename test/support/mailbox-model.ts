/**
 * What the contract says of a server that may be suspended, and may end: who is served when, and what
 * those are answered who are not. Plain data; it knows nothing of the code under test, nor of slots.
 */

/** What is never late and never given up. `unserved`: what its caller is told when the end comes first. */
interface Lasting {
  /** Absent: nobody asks for an answer. */
  readonly call?: number;
  /** Absent: what everybody is told then. */
  readonly unserved?: string;
  /** Served before all that is not. */
  readonly isUrgent: boolean;
}

/** What a suspended server has not served. Once it is due, its caller is answered `late`. */
interface Letter extends Lasting {
  readonly late: string;
  readonly dueAt: number;
  readonly serve: () => void;
}

export class MailboxModel {
  now = 0;
  isSuspended = false;
  /** What later callers are told once it has ended. */
  end = '';
  /** By the number of the call; one line each. */
  readonly answers = new Map<number, string>();
  private letters: Letter[] = [];
  private readonly callTimeoutMs: number;

  constructor(callTimeoutMs: number) {
    this.callTimeoutMs = callTimeoutMs;
  }

  /**
   * Serves it at once, unless suspended; not at all after the end. Who waits for `waitMs` in any case, once
   * served, waits no longer than that for being served.
   */
  protected post(call: number, serve: () => void, waitMs = 0): void {
    const isShort = waitMs > 0 && waitMs < this.callTimeoutMs;
    const late = isShort ? 'wait_timeout' : 'call_timeout';
    const dueAt = this.now + (isShort ? waitMs : this.callTimeoutMs);
    this.take({ call, isUrgent: false, late, dueAt, serve });
  }

  protected postLasting(letter: Lasting, serve: () => void): void {
    this.take({ ...letter, late: 'never', dueAt: Infinity, serve });
  }

  /** Urgent ones first, then the rest, each in order of arrival; but nobody who has been answered. */
  resume(): void {
    this.isSuspended = false;
    const letters = this.letters.splice(0);
    for (const letter of letters) if (letter.isUrgent) this.serve(letter);
    const isOpen = ({ call = 0, isUrgent }: Letter) => !isUrgent && !this.answers.has(call);
    for (const letter of letters) if (isOpen(letter)) this.serve(letter);
  }

  /** Nothing is due before the end of that time. */
  advance(ms: number): void {
    this.now += ms;
    for (const { call, late } of this.remove(({ dueAt }) => dueAt <= this.now)) {
      this.answer(call, late);
    }
  }

  /** When somebody will be told that it is too late. */
  nextDue(): number {
    return Math.min(Infinity, ...this.letters.map(({ dueAt }) => dueAt));
  }

  /** The caller will not have it any more. */
  abort(aborted: number): void {
    const isMeant = ({ call, dueAt }: Letter) => call === aborted && dueAt !== Infinity;
    for (const { call } of this.remove(isMeant)) this.answer(call, 'aborted');
  }

  /** What is pending is answered `pending`, what comes later `later`. */
  finish(pending: string, later: string): void {
    this.end = later;
    for (const { call, unserved = pending } of this.letters.splice(0)) this.answer(call, unserved);
  }

  /** What follows from whatever was served. */
  protected followUp(): void {}

  private take(letter: Letter): void {
    const { call, unserved = this.end } = letter;
    if (this.end) this.answer(call, unserved);
    else if (this.isSuspended) this.letters.push(letter);
    else this.serve(letter);
  }

  private serve({ serve }: Letter): void {
    serve();
    this.followUp();
  }

  private answer(call: number | undefined, line: string): void {
    if (call !== undefined) this.answers.set(call, line);
  }

  private remove(isMeant: (letter: Letter) => boolean): Letter[] {
    const removed = this.letters.filter(isMeant);
    this.letters = this.letters.filter((letter) => !removed.includes(letter));
    return removed;
  }
}
