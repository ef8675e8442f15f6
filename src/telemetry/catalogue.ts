/**
 * The catalogue of events: every channel that Slotkeeper publishes on, what its event means, and what
 * it carries. The events are API; logs, metrics and tests are only listeners.
 *
 * A channel is `node:diagnostics_channel`'s, by the name given here. Nobody listening costs nothing.
 */
import { type LimiterChannels, limiterChannels } from '../limiter/channels.ts';
import { type EventOf, type OtpChannels, otpChannels } from '../otp/index.ts';
import { type SessionChannels, sessionChannels } from '../sessions/channels.ts';

/** What an event means, and each of its fields. */
export interface EventDescription<Event extends object> {
  readonly channel: string;
  readonly meaning: string;
  readonly fields: Readonly<Record<keyof Event & string, string>>;
}

type Channels = OtpChannels & LimiterChannels & SessionChannels;

export type EventName = keyof Channels;
export type EventNamed<Name extends EventName> = EventOf<Channels[Name]>;

type Catalogue = { readonly [Name in EventName]: EventDescription<EventNamed<Name>> };

const SERVER = 'name of the server, or its id where it has none';
const SESSION_ID = 'id of the session';
const RUN_ID = 'id of the run';
const TOKEN = 'fencing token of the grant';
const OWNER = 'on whose account, if anybody was named';
const KIND = 'class of the run, if one was named';
const LABELS = 'as they were given, if any';
const WAITED = 'milliseconds from the beginning of the wait; 0 for who did not wait';
const HELD = 'milliseconds from its grant';
const CODE = 'refusal code; `withdrawn` also for a caller whose signal aborted';
const LIMIT = 'the limit that was met, where the code is about one';
const ACTIVE = 'how much of it was in use';
const SCOPE = 'what the limit is about: `session`, `owner`, `kind` or `global`';
const JOURNAL = 'the file, or what its adapter is called';
const HELD_RUNS = 'run slots that are held';
const REASON =
  '`released`, `cascade`, `expired`, `holder_down`, `interrupted`, `evicted` or `stopped`';

export const catalogue: Catalogue = {
  server_started: {
    channel: otpChannels.server_started.name,
    meaning: 'init has succeeded; the server serves',
    fields: { server: SERVER },
  },
  call_answered: {
    channel: otpChannels.call_answered.name,
    meaning: 'a call or a sys request that was taken in has ended, in whatever way',
    fields: {
      server: SERVER,
      request: 'type of the request',
      outcome: '`resolved` (a reply) or `rejected` (a refusal, fault, time-out or abort)',
      durationMs: 'real milliseconds from the call to its end',
    },
  },
  server_crashed: {
    channel: otpChannels.server_crashed.name,
    meaning: 'a callback has thrown, answered with what no builder made, or stopped with an error',
    fields: {
      server: SERVER,
      callback: 'the callback that failed; `exit` when the error came from outside',
      error: 'the error, as `formatStatus` shows it',
      state: 'the state, as `formatStatus` shows it',
      message: 'the message that was served, as `formatStatus` shows it',
    },
  },
  server_terminated: {
    channel: otpChannels.server_terminated.name,
    meaning: 'a server has ended; nothing of it is left',
    fields: {
      server: SERVER,
      reason: 'exit reason',
      droppedMessages: 'queued casts and infos that went with it; queued calls were rejected',
    },
  },
  child_restarted: {
    channel: otpChannels.child_restarted.name,
    meaning: 'a supervisor has restarted a child, and those that go with it',
    fields: {
      supervisor: 'name or id of the supervisor',
      child: 'id of the child that had ended',
      reason: 'why it had',
      restarts: "restarts within the intensity's window, this one included",
    },
  },
  mailbox_full: {
    channel: otpChannels.mailbox_full.name,
    meaning: 'a message was refused because too many wait; its sender was told',
    fields: {
      server: SERVER,
      message: 'type of the message',
      limit: 'messages that may wait',
    },
  },
  message_unexpected: {
    channel: otpChannels.message_unexpected.name,
    meaning: 'a server has no clause for a message; a call was rejected, others are dropped',
    fields: {
      server: SERVER,
      sort: '`call`, `cast` or `info`',
      message: 'type of the message',
    },
  },
  message_dropped: {
    channel: otpChannels.message_dropped.name,
    meaning: 'a cast or info had nowhere to go',
    fields: {
      server: SERVER,
      message: 'type of the message',
      cause:
        '`noproc`: nobody runs there; `mailbox_full`: sent by a timer or by XState, which cannot be told',
    },
  },
  session_slot_granted: {
    channel: limiterChannels.session_slot_granted.name,
    meaning: 'a session got its slot; asking again for an id that is held is no grant',
    fields: { sessionId: SESSION_ID, token: TOKEN, owner: OWNER, labels: LABELS, waitedMs: WAITED },
  },
  session_slot_refused: {
    channel: limiterChannels.session_slot_refused.name,
    meaning: 'a caller got no session slot: he was refused, or his wait has ended without one',
    fields: {
      sessionId: SESSION_ID,
      code: CODE,
      limit: LIMIT,
      active: ACTIVE,
      scope: SCOPE,
      owner: OWNER,
      waitedMs: WAITED,
    },
  },
  session_slot_ended: {
    channel: limiterChannels.session_slot_ended.name,
    meaning: 'a session slot is free again; once for each grant',
    fields: { sessionId: SESSION_ID, token: TOKEN, reason: REASON, owner: OWNER, heldMs: HELD },
  },
  run_slot_granted: {
    channel: limiterChannels.run_slot_granted.name,
    meaning: 'a run got its slot; asking again for an id that is held is no grant',
    fields: {
      sessionId: SESSION_ID,
      runId: RUN_ID,
      token: TOKEN,
      owner: OWNER,
      kind: KIND,
      labels: LABELS,
      waitedMs: WAITED,
    },
  },
  run_slot_refused: {
    channel: limiterChannels.run_slot_refused.name,
    meaning: 'a caller got no run slot: he was refused, or his wait has ended without one',
    fields: {
      sessionId: SESSION_ID,
      runId: RUN_ID,
      code: CODE,
      limit: LIMIT,
      active: ACTIVE,
      scope: SCOPE,
      owner: OWNER,
      kind: KIND,
      waitedMs: WAITED,
    },
  },
  run_slot_ended: {
    channel: limiterChannels.run_slot_ended.name,
    meaning: 'a run slot is free again; once for each grant',
    fields: {
      sessionId: SESSION_ID,
      runId: RUN_ID,
      token: TOKEN,
      reason: REASON,
      owner: OWNER,
      kind: KIND,
      heldMs: HELD,
      note: 'what was said of an eviction',
    },
  },
  limits_changed: {
    channel: limiterChannels.limits_changed.name,
    meaning: 'limits were changed while the limiter ran',
    fields: { limits: 'all limits, as they are now' },
  },
  limiter_restarted: {
    channel: limiterChannels.limiter_restarted.name,
    meaning: "the limiter's actor is back after a crash, with all slots and waiters as they were",
    fields: {
      restarts: 'how often in its life, this one included',
      heldSessions: 'session slots that are held',
      heldRuns: 'run slots that are held',
      resumedCalls: 'calls that had no answer yet and are served again',
    },
  },
  clock_jumped: {
    channel: limiterChannels.clock_jumped.name,
    meaning: 'leases were found to run out late; renewals get one more second before any expires',
    fields: {
      lateMs: 'how late the timer came: the loop was blocked, or the machine asleep',
      driftMs: 'how far the wall clock has moved against the monotonic one',
    },
  },
  drain_started: {
    channel: limiterChannels.drain_started.name,
    meaning: 'nobody new is taken in from now on',
    fields: { heldRuns: HELD_RUNS, refusedWaiters: 'ids that waited and were refused' },
  },
  drain_ended: {
    channel: limiterChannels.drain_ended.name,
    meaning: 'somebody who waited for the last run to end was told how it went',
    fields: { drained: 'whether no run is held any more', heldRuns: HELD_RUNS },
  },
  resumed: {
    channel: limiterChannels.resumed.name,
    meaning: 'draining is over; newcomers are taken in again',
    fields: { heldRuns: HELD_RUNS },
  },
  slot_lost_track: {
    channel: limiterChannels.slot_lost_track.name,
    meaning: 'the last handle on a slot was collected while the slot is held; with `traceHandles`',
    fields: {
      sessionId: SESSION_ID,
      runId: 'id of the run, if it is the slot of one',
      token: TOKEN,
      acquiredAt: 'the stack of the acquire',
    },
  },
  storage_degraded: {
    channel: limiterChannels.storage_degraded.name,
    meaning: 'the journal cannot be written; nothing is granted until it can',
    fields: { journal: JOURNAL, reason: 'what the commit or the look at the file said' },
  },
  storage_recovered: {
    channel: limiterChannels.storage_recovered.name,
    meaning: 'the journal is written again, and has got what it was owed',
    fields: {
      journal: JOURNAL,
      degradedMs: 'milliseconds during which nothing could be written',
      written: 'changes that had waited for it',
    },
  },
  journal_recovered: {
    channel: limiterChannels.journal_recovered.name,
    meaning: 'a process has found its journal and goes on from it',
    fields: {
      journal: JOURNAL,
      sessions: 'session slots that are held again',
      runs: 'run slots that are held again',
      waitingRuns: 'commands that wait for their slots still',
      interruptedSessions: 'session slots that died with the last process',
      interruptedRuns: 'run slots that died with it',
      durationMs: 'milliseconds that reading, ending and rebuilding have taken',
    },
  },
  tables_rebuilt: {
    channel: limiterChannels.tables_rebuilt.name,
    meaning: 'after a crash the tables disagreed with themselves and were built from the journal',
    fields: { violations: 'the first of what was wrong, as sentences: report it' },
  },
  session_opened: {
    channel: sessionChannels.session_opened.name,
    meaning: 'a session holds its slot and takes runs',
    fields: {
      sessionId: SESSION_ID,
      owner: OWNER,
      token: TOKEN,
      isDurable: 'whether it is there again when its process has ended',
      isRestored: 'whether it has outlived its last process',
    },
  },
  session_closed: {
    channel: sessionChannels.session_closed.name,
    meaning: 'nothing of a session is left',
    fields: {
      sessionId: SESSION_ID,
      owner: OWNER,
      reason: '`released`, `idle_timeout`, `max_lifetime`, `crashed` or `shutdown`',
      lifetimeMs: 'milliseconds from its opening, over all its processes',
    },
  },
  run_queued: {
    channel: sessionChannels.run_queued.name,
    meaning: 'a run of a session was accepted and waits for its slot',
    fields: { sessionId: SESSION_ID, runId: RUN_ID },
  },
  run_started: {
    channel: sessionChannels.run_started.name,
    meaning: 'the work of a run has begun; its deadline counts from here on',
    fields: { sessionId: SESSION_ID, runId: RUN_ID, token: TOKEN, waitedMs: WAITED },
  },
  run_stuck: {
    channel: sessionChannels.run_stuck.name,
    meaning:
      'the outcome of a run is told and its work goes on: it holds its slot until that is gone',
    fields: { sessionId: SESSION_ID, runId: RUN_ID, state: 'how it has ended' },
  },
  run_ended: {
    channel: sessionChannels.run_ended.name,
    meaning: 'a run is over and its slot free; once for each run that was accepted',
    fields: {
      sessionId: SESSION_ID,
      runId: RUN_ID,
      kind: KIND,
      state: '`succeeded`, `failed`, `cancelled`, `timed_out` or `interrupted`',
      reason: 'why it was ended, if it did not end by itself',
      workedMs: 'milliseconds from the start of its work; absent for one that never started',
    },
  },
};
