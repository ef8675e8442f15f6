/**
 * A `node:diagnostics_channel` that knows the type of its events.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

export interface EventChannel<Event extends object> {
  readonly hasSubscribers: boolean;
  readonly name: string;
  publish(event: Event): void;
}

export type EventOf<Channel> = Channel extends EventChannel<infer Event> ? Event : never;

/** The channel of this name, which is the same wherever it is asked for. */
export function eventChannel<Event extends object>(name: string): EventChannel<Event> {
  // A channel that was made with a string has that string as its name.
  return channel(name) as Channel<unknown, Event> & { readonly name: string };
}
