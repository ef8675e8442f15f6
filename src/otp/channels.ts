/**
 * The events of `src/otp`, published on `node:diagnostics_channel`. A channel that nobody listens to
 * costs one property read. `src/telemetry` holds the catalogue that describes each field.
 */
import { type EventChannel, eventChannel } from './event-channel.ts';
import type { ExitReason } from './exit-reason.ts';

export interface ServerStarted {
  readonly server: string;
}
export interface CallAnswered {
  readonly server: string;
  readonly request: string;
  /** `resolved` with a reply or `rejected` with a fault, a refusal, a time-out or an abort. */
  readonly outcome: string;
  /** Real milliseconds from `call` to its end. */
  readonly durationMs: number;
}
export interface ServerCrashed {
  readonly server: string;
  /** The callback that threw or stopped abnormally; `exit` when it was told to from outside. */
  readonly callback: string;
  /** Error, state and last message as `formatStatus` shows them. */
  readonly error: unknown;
  readonly state: unknown;
  readonly message: unknown;
}
export interface ServerTerminated {
  readonly server: string;
  readonly reason: ExitReason;
  /** Casts and infos that were still queued, and went with it. Queued calls were rejected. */
  readonly droppedMessages: number;
}
export interface ChildRestarted {
  readonly supervisor: string;
  readonly child: string;
  readonly reason: ExitReason;
  /** Restarts within the intensity's window, this one included. */
  readonly restarts: number;
}
export interface MailboxFull {
  readonly server: string;
  readonly message: string;
  readonly limit: number;
}
export interface MessageUnexpected {
  readonly server: string;
  readonly sort: 'call' | 'cast' | 'info';
  readonly message: string;
}
export interface MessageDropped {
  readonly server: string;
  readonly message: string;
  readonly cause: 'noproc' | 'mailbox_full';
}

const otpChannel = <Event extends object>(name: string): EventChannel<Event> =>
  eventChannel(`slotkeeper.otp.${name}`);

export const serverStarted = otpChannel<ServerStarted>('server_started');
export const callAnswered = otpChannel<CallAnswered>('call_answered');
export const serverCrashed = otpChannel<ServerCrashed>('server_crashed');
export const serverTerminated = otpChannel<ServerTerminated>('server_terminated');
export const childRestarted = otpChannel<ChildRestarted>('child_restarted');
export const mailboxFull = otpChannel<MailboxFull>('mailbox_full');
export const messageUnexpected = otpChannel<MessageUnexpected>('message_unexpected');
export const messageDropped = otpChannel<MessageDropped>('message_dropped');

/** All of them by name. */
export const otpChannels = {
  server_started: serverStarted,
  call_answered: callAnswered,
  server_crashed: serverCrashed,
  server_terminated: serverTerminated,
  child_restarted: childRestarted,
  mailbox_full: mailboxFull,
  message_unexpected: messageUnexpected,
  message_dropped: messageDropped,
} as const;

export type OtpChannels = typeof otpChannels;
