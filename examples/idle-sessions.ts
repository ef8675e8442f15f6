/**
 * A daemon whose sessions end when nobody uses them: idle ones after half an hour, all of them after a
 * day. Time is simulated here; in a daemon it is the machine's.
 */
import { onEvent, startSlotkeeper } from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const clock = new SimulatedClock();
const keeper = await startSlotkeeper({ clock, limits: { maxRunsPerSession: 2 } });
onEvent('session_closed', ({ sessionId, reason, lifetimeMs }) =>
  console.log(`${sessionId}: ${reason} after ${lifetimeMs / MINUTE} minutes`),
);

const terms = { idleTimeoutMs: 30 * MINUTE, maxLifetimeMs: 24 * HOUR };
const busy = await keeper.openSession({ sessionId: 'busy', ...terms });
await keeper.openSession({ sessionId: 'idle', ...terms });

// A command that takes forty minutes is activity as long as it runs.
const command = () => new Promise((done) => clock.setTimeout(() => done('built'), 40 * MINUTE));
const run = await busy.run(command);
await clock.advance(40 * MINUTE);
console.log(await run.result());

// Idleness begins when the last run has ended.
await clock.advance(29 * MINUTE);
console.log(busy.state);
await clock.advance(1 * MINUTE);

const late = await busy.run(command).catch((error) => error);
console.log(late.code, late.details);
console.log(keeper.getSession('busy')?.closeReason, keeper.getStatus().activeSessions);
await keeper.stop();

/* Prints:
idle: idle_timeout after 30 minutes
built
active
busy: idle_timeout after 70 minutes
session_closed {
  sessionId: 'busy',
  reason: 'idle_timeout',
  elapsedMs: 1800000,
  limitMs: 1800000
}
idle_timeout 0
*/
