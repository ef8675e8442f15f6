/**
 * What tests of programs on Slotkeeper need: `import … from 'slotkeeper/testing'`. Re-exports only.
 */
export { SimulatedClock, settle } from './otp/simulated-clock.ts';
export { type EventRecorder, type RecordedEvent, recordEvents } from './telemetry/listen.ts';
