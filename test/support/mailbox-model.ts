/**
 * What the contract says of a server that may be suspended, and may end: who is served when, and what
 * those are answered who are not. Plain data; it knows nothing of the code under test, nor of slots.
 */

/** What a suspended server has not served. Once it is due, its caller is answered `late`. */
interface Letter {
  readonly call: number;
  readonly late: string;
  readonly dueAt: number;
  /** Never late, never given up. */
  readonly isLasting: boolean;
  /** Served before all others. */
  readonly isUrgent: boolean;
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
    if (this.end) this.answers.set(call, this.end);
    else if (!this.isSuspended) serve();
    else this.letters.push({ call, late, dueAt, isLasting: false, isUrgent: false, serve });
  }

  /** As `post`; `unserved` is the answer when the end comes first. What is urgent is served first. */
  protected postLasting(
    call: number,
    unserved: string,
    isUrgent: boolean,
    serve: () => void,
  ): void {
    const lasting = { call, late: unserved, dueAt: Infinity, isLasting: true, isUrgent, serve };
    if (this.end) this.answers.set(call, unserved);
    else if (!this.isSuspended) serve();
    else this.letters.push(lasting);
  }

  /** Urgent ones first, then the rest, each in order of arrival. */
  resume(): void {
    this.isSuspended = false;
    const letters = this.letters.splice(0);
    for (const { isUrgent, serve } of letters) if (isUrgent) serve();
    for (const { isUrgent, serve } of letters) if (!isUrgent) serve();
  }

  advance(ms: number): void {
    this.now += ms;
    for (const { call, late } of this.remove(({ dueAt }) => dueAt <= this.now)) {
      this.answers.set(call, late);
    }
  }

  /** The caller will not have it any more. */
  abort(aborted: number): void {
    const isMeant = ({ call, isLasting }: Letter) => call === aborted && !isLasting;
    for (const { call } of this.remove(isMeant)) this.answers.set(call, 'aborted');
  }

  /** What is pending is answered `pending`, what comes later `later`. */
  finish(pending: string, later: string): void {
    this.end = later;
    for (const { call, late, isLasting } of this.letters.splice(0)) {
      this.answers.set(call, isLasting ? late : pending);
    }
  }

  private remove(isMeant: (letter: Letter) => boolean): Letter[] {
    const removed = this.letters.filter(isMeant);
    this.letters = this.letters.filter((letter) => !removed.includes(letter));
    return removed;
  }
}
