/**
 * What `sys.trace` and `sys.statistics` see of a server. A server has none of this until asked.
 */
import { describeValue } from './exit-reason.ts';
import type { Envelope } from './message.ts';
import type { OutcomeKind } from './outcome.ts';

/** A system event, as OTP names them. */
export type SystemEvent =
  | { readonly type: 'in'; readonly sort: string; readonly message: unknown }
  | { readonly type: 'out'; readonly reply: unknown; readonly to: string }
  | { readonly type: 'noreply'; readonly state: unknown }
  | { readonly type: 'continue'; readonly continuation: unknown }
  | { readonly type: 'terminate'; readonly reason: unknown };

export type Tracer = (event: SystemEvent) => void;

export interface Statistics {
  /** Wall time at which counting began, and now: UTC epoch milliseconds. */
  readonly startedAt: number;
  readonly currentAt: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
}

export class Debugging {
  tracer: Tracer | undefined = undefined;
  countingSince: number | undefined = undefined;
  private messagesIn = 0;
  private messagesOut = 0;
  private readonly onTracerFault: (error: unknown) => void;

  constructor(onTracerFault: (error: unknown) => void) {
    this.onTracerFault = onTracerFault;
  }

  get isUsed(): boolean {
    return this.tracer !== undefined || this.countingSince !== undefined;
  }

  /** Counts from a time on, or no more. Who counts already goes on, as in OTP. */
  count(startedAt: number | undefined): void {
    if (startedAt !== undefined && this.countingSince !== undefined) return;
    this.countingSince = startedAt;
    this.messagesIn = this.messagesOut = 0;
  }

  statistics(currentAt: number): Statistics | undefined {
    if (this.countingSince === undefined) return undefined;
    const { messagesIn, messagesOut, countingSince: startedAt } = this;
    return { startedAt, currentAt, messagesIn, messagesOut };
  }

  received({ type, shown }: Envelope): void {
    if (type === 'continue') {
      this.trace({ type, continuation: shown });
    } else if (type === 'call' || type === 'cast' || type === 'info') {
      this.messagesIn += 1;
      this.trace({ type: 'in', sort: type, message: shown });
    }
  }

  answered(reply: unknown, to: string): void {
    this.messagesOut += 1;
    this.trace({ type: 'out', reply, to });
  }

  answeredWith(kind: OutcomeKind, state: unknown): void {
    if (kind === 'no_reply' || kind === 'deferred') this.trace({ type: 'noreply', state });
  }

  /** A tracer that throws is removed, as OTP removes a debug function that fails. */
  trace(event: SystemEvent): void {
    try {
      this.tracer?.(event);
    } catch (error) {
      this.tracer = undefined;
      this.onTracerFault(error);
    }
  }
}

/** One line of a trace, for logs. */
export function describeEvent(event: SystemEvent): string {
  const { type, ...rest } = event;
  return `${type} ${describeValue(rest)}`;
}
