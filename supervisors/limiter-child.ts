/**
 * The limiter, as a child.
 */
import { limiterServer } from '../src/limiter/limiter-server.ts';
import type { Survivors } from '../src/limiter/survivors.ts';

/** `survivors` is its input, so the supervisor keeps what the next incarnation goes on with. */
export const limiterChild = (survivors: Survivors) => ({
  id: 'limiter',
  name: 'limiter',
  logic: limiterServer(survivors.isDurable),
  input: survivors,
  // Whatever ends it, somebody has to keep the slots.
  restart: 'permanent' as const,
});
