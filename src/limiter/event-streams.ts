/**
 * The events of one limiter, for whoever reads them as a stream.
 *
 * A reader has its own queue of the last thousand events. What a slow one has missed is counted, and it
 * is told before it goes on with what is left: nobody waits for a reader, and none forgets silently.
 */
import type { EventChannel } from '../otp/event-channel.ts';
import { type LimiterEvent, nameOf } from './channels.ts';

const KEPT = 1_000;

export class EventStreams {
  private readonly streams = new Set<EventStream>();
  private isClosed = false;

  get areRead(): boolean {
    return this.streams.size > 0;
  }

  /** A stream of all events from now on. */
  open(): AsyncIterableIterator<LimiterEvent> {
    const stream = new EventStream(() => this.streams.delete(stream));
    if (this.isClosed) stream.end();
    else this.streams.add(stream);
    return stream;
  }

  publish<Event extends object>(channel: EventChannel<Event>, event: Event): void {
    // Each channel has events of its own type, so the name says which they are.
    const told = { type: nameOf(channel), ...event } as unknown as LimiterEvent;
    for (const stream of this.streams) stream.push(told);
  }

  /** There will be no more events. */
  close(): void {
    this.isClosed = true;
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }
}

type Result = IteratorResult<LimiterEvent, undefined>;

const DONE: Result = { done: true, value: undefined };

class EventStream implements AsyncIterableIterator<LimiterEvent> {
  private kept: LimiterEvent[] = [];
  /** How many of those kept have been read: they are dropped together. */
  private read = 0;
  private missed = 0;
  private hasEnded = false;
  private readonly waiting: ((result: Result) => void)[] = [];
  private readonly whenClosed: () => void;

  constructor(whenClosed: () => void) {
    this.whenClosed = whenClosed;
  }

  push(event: LimiterEvent): void {
    const reader = this.waiting.shift();
    if (reader) reader({ done: false, value: event });
    else this.keep(event);
  }

  end(): void {
    this.hasEnded = true;
    for (const reader of this.waiting.splice(0)) reader(DONE);
  }

  next(): Promise<Result> {
    const event = this.take();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.hasEnded) return Promise.resolve(DONE);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  return(): Promise<Result> {
    this.kept = [];
    this.read = this.missed = 0;
    this.end();
    this.whenClosed();
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private keep(event: LimiterEvent): void {
    this.kept.push(event);
    if (this.kept.length - this.read <= KEPT) return;
    this.read += 1;
    this.missed += 1;
    if (this.read >= KEPT) this.dropRead();
  }

  private take(): LimiterEvent | undefined {
    const { missed } = this;
    if (missed > 0) {
      this.missed = 0;
      return { type: 'gap', missed };
    }
    const event = this.kept[this.read];
    if (!event) return undefined;
    this.read += 1;
    if (this.read === this.kept.length) this.dropRead();
    return event;
  }

  private dropRead(): void {
    this.kept = this.kept.slice(this.read);
    this.read = 0;
  }
}
