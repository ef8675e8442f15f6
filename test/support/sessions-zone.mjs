/**
 * A program for tests: a keeper on a simulated clock, in the time zone of its environment. Sessions that are
 * idle, and old, are looked at a millisecond before their limits and at them; what was seen is written down.
 * The clock begins an hour before summer time does in Los Angeles.
 */
import { startSlotkeeper } from 'slotkeeper';
import { SimulatedClock } from 'slotkeeper/testing';

const HOUR_MS = 3_600_000;
const START_AT = Date.UTC(2024, 2, 10, 9, 0, 0);

const clock = new SimulatedClock(START_AT);
const keeper = await startSlotkeeper({ clock });
const sessions = {
  idle: await keeper.openSession({ sessionId: 'idle', idleTimeoutMs: 2 * HOUR_MS }),
  old: await keeper.openSession({ sessionId: 'old', maxLifetimeMs: 24 * HOUR_MS }),
  both: await keeper.openSession({
    sessionId: 'both',
    idleTimeoutMs: 2 * HOUR_MS,
    maxLifetimeMs: 2 * HOUR_MS,
  }),
};

const looks = [];
const look = () => {
  const states = Object.entries(sessions).map(([name, { state, closeReason }]) => {
    return [name, closeReason ?? state];
  });
  looks.push({ afterMs: clock.monotonicNow(), ...Object.fromEntries(states) });
};
const passTo = async (ms) => {
  await clock.advance(ms - clock.monotonicNow());
  look();
};

await passTo(2 * HOUR_MS - 1);
await passTo(2 * HOUR_MS);
await passTo(24 * HOUR_MS - 1);
await passTo(24 * HOUR_MS);

const { createdAt, lastActiveAt } = sessions.idle;
const times = { createdAt: createdAt - START_AT, lastActiveAt: lastActiveAt - START_AT };
await keeper.stop();
const offsetMinutes = new Date(START_AT).getTimezoneOffset();
process.stdout.write(JSON.stringify({ zone: process.env.TZ, offsetMinutes, looks, times }));
