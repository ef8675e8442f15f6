/**
 * The calls that a server has taken up and owes an answer, and the answers that wait for the hook.
 *
 * A call is owed from `deferReply` on, or from when its answer was staged, until it is settled: by the
 * answer, by its deadline or signal, or by the server's end. Staged answers go to the hook together, at
 * the end of a turn; what is staged while the hook is at work goes to it the next time.
 */
import type { TurnReply } from './callbacks.ts';
import { LinkedList } from './linked-list.ts';
import type { CallEnvelope, Tag } from './message.ts';

/** What most servers stage: a list of their own would cost each of them 50 bytes. */
const NONE: StagedReply[] = [];

export class OwedReplies {
  private calls: LinkedList<CallEnvelope> | undefined = undefined;
  private staged: StagedReply[] = NONE;
  private shown: StagedReply[] = NONE;

  owe(call: CallEnvelope): void {
    if (call.isSettled || call.list) return;
    this.calls ??= new LinkedList();
    this.calls.push(call);
  }

  /** Keeps an answer for the hook. */
  stage(call: CallEnvelope, value: unknown, isRejection: boolean): void {
    this.owe(call);
    call.stage();
    if (this.staged === NONE) this.staged = [];
    this.staged.push(new StagedReply(call, value, isRejection));
  }

  /** The answers that the hook is to see now. */
  show(): readonly TurnReply[] {
    this.shown = this.staged;
    this.staged = NONE;
    return this.shown;
  }

  /** Sends what the hook has seen. */
  send(): void {
    const replies = this.shown;
    this.shown = NONE;
    for (const reply of replies) reply.send();
  }

  /** The calls that are still open. */
  open(): CallEnvelope[] {
    return [...(this.calls ?? [])];
  }
}

/** An answer that waits for the end of its turn. It may be replaced until the hook has ended. */
class StagedReply implements TurnReply {
  value: unknown;
  isRejection: boolean;
  private readonly call: CallEnvelope;

  constructor(call: CallEnvelope, value: unknown, isRejection: boolean) {
    this.call = call;
    this.value = value;
    this.isRejection = isRejection;
  }

  get request(): Tag {
    return this.call.content;
  }

  replaceWith(value: unknown): void {
    this.value = value;
    this.isRejection = false;
  }

  rejectWith(error: Error): void {
    this.value = error;
    this.isRejection = true;
  }

  send(): void {
    if (this.isRejection) this.call.rejectWith(this.value);
    else this.call.resolveWith(this.value);
  }
}
