/**
 * Waiting for what other threads bring about: for the event that tells of it.
 */
import { type EventName, type EventNamed, onEvent } from '../../src/index.ts';

/** The first event of this name that fits, from now on. */
export function happens<Name extends EventName>(
  name: Name,
  fits: (event: EventNamed<Name>) => boolean = () => true,
): Promise<EventNamed<Name>> {
  return new Promise((resolve) => {
    const end = onEvent(name, (event) => {
      if (!fits(event)) return;
      end();
      resolve(event);
    });
  });
}
