/**
 * OTP on XState: what the rest of the project, and the face, take from here. Re-exports only.
 */
export type * from './callbacks.ts';
export {
  type CallAnswered,
  type ChildRestarted,
  type MailboxFull,
  type MessageDropped,
  type MessageUnexpected,
  type OtpChannels,
  otpChannels,
  type ServerCrashed,
  type ServerStarted,
  type ServerTerminated,
} from './channels.ts';
export type { ChildStatus } from './child.ts';
export type { AnyChildren, ChildSpec, CompleteChildSpec, Restart, Shutdown } from './child-spec.ts';
export {
  type CallOptions,
  call,
  cast,
  exit,
  info,
  type PlannedMessage,
  rejectTo,
  replyTo,
  sendAfter,
} from './client.ts';
export { type Clock, type ClockTimer, systemClock } from './clock.ts';
export type { Environment } from './environment.ts';
export type { EventChannel, EventOf } from './event-channel.ts';
export { describeReason, type ExitReason, type ExitSignal, isAbnormal } from './exit-reason.ts';
export { type OtpFaultCode, otpFaultCodes } from './fault-codes.ts';
export { fromGenServer, type GenServerLogic } from './gen-server.ts';
export { link, unlink } from './link.ts';
export { type Logger, silentLogger } from './logger.ts';
export type { From } from './message.ts';
export { type DownMessage, type Monitor, monitor } from './monitor.ts';
export {
  type Awaitable,
  type CallResult,
  type CastResult,
  continueWith,
  deferReply,
  type InitResult,
  ignore,
  noReply,
  ready,
  rejectWith,
  reply,
  stop,
  timeoutAfter,
} from './outcome.ts';
export type { AnyRef, Ref } from './ref.ts';
export { localRegistry, Registry } from './registry.ts';
export type { RestartBackoff } from './restart-backoff.ts';
export type { RestartIntensity } from './restart-intensity.ts';
export { ServerRef } from './server-ref.ts';
export type { ServerSnapshot } from './server-snapshot.ts';
export type {
  CallReply,
  CallRequest,
  CastRequest,
  InfoMessage,
  ServerTypes,
} from './server-types.ts';
export { type Inspector, type StartOptions, startServer, stopServer } from './start-server.ts';
export type { AutoShutdown, Strategy } from './supervision.ts';
export {
  type ChildCounts,
  type ChildInfo,
  type DynamicSupervisorOptions,
  type DynamicSupervisorTypes,
  dynamicSupervisor,
  type SupervisorOptions,
  type SupervisorTypes,
  supervisor,
} from './supervisor.ts';
export {
  type AnySupervisorRef,
  type ChildRef,
  countChildren,
  deleteChild,
  getChildSpec,
  restartChild,
  type SupervisorRef,
  startChild,
  terminateChild,
  whichChildren,
} from './supervisor-client.ts';
export * as sys from './sys.ts';
