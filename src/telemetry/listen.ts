/**
 * Listening to events by their name in the catalogue.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { catalogue, type EventName, type EventNamed } from './catalogue.ts';

/**
 * Calls `listener` for each event of this name, on the publisher's stack: be quick, and do not throw
 * (Node reports it as an uncaught exception). Returns what ends it.
 */
export function onEvent<Name extends EventName>(
  name: Name,
  listener: (event: EventNamed<Name>) => void,
): () => void {
  const { channel } = catalogue[name];
  const receive = (event: unknown): void => listener(event as EventNamed<Name>);
  subscribe(channel, receive);
  return () => void unsubscribe(channel, receive);
}

/** An event as it was recorded. */
export type RecordedEvent = {
  readonly [Name in EventName]: { readonly type: Name } & EventNamed<Name>;
}[EventName];

/** A record of what was published, for tests and for looking around. */
export interface EventRecorder {
  /** In the order in which they were published. */
  readonly events: readonly RecordedEvent[];
  stop(): void;
  [Symbol.dispose](): void;
}

/** Records every event of the catalogue, or those named, until it is stopped. */
export function recordEvents(
  names: readonly EventName[] = Object.keys(catalogue) as EventName[],
): EventRecorder {
  const events: RecordedEvent[] = [];
  const record = (type: EventName) =>
    onEvent(type, (event) => events.push({ type, ...event } as RecordedEvent));
  const ends = names.map(record);
  const stop = (): void => {
    for (const end of ends) end();
  };
  return { events, stop, [Symbol.dispose]: stop };
}
