/**
 * The catalogue of events: every channel that Slotkeeper publishes on, what its event means, and what
 * it carries. The events are API; logs, metrics and tests are only listeners.
 *
 * A channel is `node:diagnostics_channel`'s, by the name given here. Nobody listening costs nothing.
 */
import { type EventOf, type OtpChannels, otpChannels } from '../otp/index.ts';

/** What an event means, and each of its fields. */
export interface EventDescription<Event extends object> {
  readonly channel: string;
  readonly meaning: string;
  readonly fields: Readonly<Record<keyof Event & string, string>>;
}

export type EventName = keyof OtpChannels;
export type EventNamed<Name extends EventName> = EventOf<OtpChannels[Name]>;

type Catalogue = { readonly [Name in EventName]: EventDescription<EventNamed<Name>> };

const SERVER = 'name of the server, or its id where it has none';

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
};
