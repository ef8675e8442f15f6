/**
 * The root of a running system: the one supervisor that nobody stands over.
 *
 * Its list is what the program is made of, in the order in which one part needs another.
 */
import {
  type AnyChildren,
  type RestartIntensity,
  type Strategy,
  supervisor,
} from '../src/otp/index.ts';

/** A part may fail three times in five seconds; more often is a fault that a restart does not cure. */
const BAD_LUCK: RestartIntensity = { restarts: 3, withinMs: 5_000 };

export const root = (
  children: AnyChildren,
  restartIntensity = BAD_LUCK,
  // What stands later leans on what stands before it, so it goes down and comes up with it.
  strategy: Strategy = 'rest_for_one',
) =>
  supervisor({
    strategy,
    restartIntensity,
    children,
  });
