/**
 * An answer that waits for the end of its turn, as `handleReplies` sees it. It may be replaced until
 * the hook has ended; then it goes out.
 */
import type { TurnReply } from './callbacks.ts';
import type { CallEnvelope, Tag } from './message.ts';

export class StagedReply implements TurnReply {
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
