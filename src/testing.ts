/**
 * What tests of programs on Slotkeeper need: `import … from 'slotkeeper/testing'`. Re-exports only.
 */
export { type JournalLaw, journalLaws, type OpenJournal } from './journal/journal-laws.ts';
export {
  CrashAt,
  type FaultPoints,
  InjectedCrash,
  type Moment,
  STEPS,
  type Step,
} from './limiter/fault-points.ts';
export { SimulatedClock, settle } from './otp/simulated-clock.ts';
export { type EventRecorder, type RecordedEvent, recordEvents } from './telemetry/listen.ts';
