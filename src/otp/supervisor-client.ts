/**
 * Talking to supervisors. All of these wait for as long as the supervisor needs, as in OTP, unless
 * `options` say less: it may be starting or stopping other children first. Refusals are rejections with a code: `not_found`,
 * `already_started` (it runs or is being restarted; `details.ref` is the child), `already_present` (its spec is there, it does not
 * run), `running`, `restarting`, `max_children`, `start_failed`, `start_timeout`, `invalid_option`.
 */
import type { AnyActorLogic } from 'xstate';
import type { ChildSpec, CompleteChildSpec } from './child-spec.ts';
import { type CallOptions, call } from './client.ts';
import type { GenServerLogic } from './gen-server.ts';
import type { AnyRef } from './ref.ts';
import type { ServerRef } from './server-ref.ts';
import type { ServerTypes } from './server-types.ts';
import type {
  ChildCounts,
  ChildInfo,
  DynamicSupervisorTypes,
  SupervisorTypes,
} from './supervisor.ts';

export type SupervisorRef = ServerRef<SupervisorTypes>;
export type AnySupervisorRef = ServerRef<SupervisorTypes> | ServerRef<DynamicSupervisorTypes>;

/** The ref of a child that runs this logic. A child that is no server takes only `info`. */
export type ChildRef<Logic> = Logic extends GenServerLogic<infer T> ? ServerRef<T> : ServerRef;

/** A supervisor may be starting or stopping others first. */
const patiently = (options: CallOptions): CallOptions => ({ timeoutMs: Infinity, ...options });

/** Adds a child and starts it. One whose `init` ignores is added, but nobody runs at its ref. */
export function startChild<Logic extends AnyActorLogic>(
  supervisor: AnySupervisorRef,
  spec: ChildSpec<Logic>,
  options: CallOptions = {},
): Promise<ChildRef<Logic>> {
  const request = { type: 'start_child', spec: spec as ChildSpec } as const;
  return call(dynamic(supervisor), request, patiently(options)) as Promise<ChildRef<Logic>>;
}

/**
 * Stops a child, or ends the wait before its restart. Its spec stays for `restartChild`, unless it is
 * temporary or the supervisor dynamic. Siblings that wait to be restarted with it still are.
 */
export function terminateChild(
  supervisor: AnySupervisorRef,
  child: string | AnyRef,
  options: CallOptions = {},
): Promise<void> {
  return call(dynamic(supervisor), { type: 'terminate_child', child }, patiently(options));
}

/** Starts a child that was stopped. */
export function restartChild(
  supervisor: SupervisorRef,
  id: string,
  options: CallOptions = {},
): Promise<ServerRef> {
  return call(supervisor, { type: 'restart_child', id }, patiently(options));
}

/** Forgets the spec of a child that was stopped. */
export function deleteChild(
  supervisor: SupervisorRef,
  id: string,
  options: CallOptions = {},
): Promise<void> {
  return call(supervisor, { type: 'delete_child', id }, patiently(options));
}

/** A child's spec, with every default in it. */
export function getChildSpec(
  supervisor: SupervisorRef,
  id: string,
  options: CallOptions = {},
): Promise<CompleteChildSpec> {
  return call(supervisor, { type: 'get_child_spec', id }, patiently(options));
}

/** All children, in start order. */
export function whichChildren(
  supervisor: AnySupervisorRef,
  options: CallOptions = {},
): Promise<ChildInfo[]> {
  return call(dynamic(supervisor), { type: 'which_children' }, patiently(options));
}

export function countChildren(
  supervisor: AnySupervisorRef,
  options: CallOptions = {},
): Promise<ChildCounts> {
  return call(dynamic(supervisor), { type: 'count_children' }, patiently(options));
}

/** A supervisor answers all that a dynamic one does. */
function dynamic(supervisor: AnySupervisorRef): ServerRef<DynamicSupervisorTypes> {
  return supervisor as ServerRef<ServerTypes> as ServerRef<DynamicSupervisorTypes>;
}
