/**
 * The supervisor of sessions: as many as are open, each on its own, each with its runs beneath it.
 */
import { dynamicSupervisor } from '../src/otp/index.ts';

export const sessions = {
  id: 'sessions',
  name: 'sessions',
  // A session is temporary: when its actor crashes it is closed, by what outlives the actor.
  logic: dynamicSupervisor(),
  // Whatever ends it, sessions are opened again tomorrow.
  restart: 'permanent' as const,
};
