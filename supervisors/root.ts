/**
 * The root of a running system: the one supervisor that nobody stands over.
 *
 * Its list is what the program is made of, in the order in which one part needs another.
 */
import { type AnyChildren, supervisor } from '../src/otp/index.ts';

export const root = (children: AnyChildren) =>
  supervisor({
    // What stands later leans on what stands before it, so it goes down and comes up with it.
    strategy: 'rest_for_one',
    // A part may fail three times in five seconds; more often is a fault that a restart does not cure.
    restartIntensity: { restarts: 3, withinMs: 5_000 },
    children,
  });
