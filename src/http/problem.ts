/**
 * Faults and refusals as problems (RFC 9457): a status, our code, and what a client needs to go on.
 *
 * What is not ours is `internal_error`, and says nothing of itself: it is in the log.
 */
import { SlotkeeperError } from '../fault.ts';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly requestId: string;
  readonly [extension: string]: unknown;
}

/** By code; what is not here is 500, but for what Fastify says of a request. */
export const STATUSES: Readonly<Record<string, number>> = {
  invalid_json: 400,
  host_required: 400,
  agent_incomplete: 400,
  agent_unavailable: 400,
  key_required: 401,
  scope_required: 403,
  exec_disabled: 403,
  host_not_allowed: 403,
  origin_not_allowed: 403,
  not_found: 404,
  session_not_found: 404,
  run_not_found: 404,
  run_id_conflict: 409,
  session_id_conflict: 409,
  session_closing: 409,
  stale_token: 409,
  withdrawn: 409,
  session_closed: 410,
  session_released: 410,
  unsupported_request: 415,
  invalid_request: 422,
  idempotency_key_reused: 422,
  invalid_option: 422,
  invalid_id: 422,
  max_runs_exceeded: 429,
  max_runs_per_session_exceeded: 429,
  max_sessions_per_owner_exceeded: 429,
  max_runs_per_owner_exceeded: 429,
  max_jobs_per_owner_exceeded: 429,
  max_runs_per_kind_exceeded: 429,
  queue_full: 429,
  max_sessions_exceeded: 503,
  draining: 503,
  storage_unavailable: 503,
  mailbox_full: 503,
  unavailable: 503,
  call_timeout: 503,
  stopped: 503,
  server_down: 503,
  noproc: 503,
  wait_timeout: 504,
};

/** `titles`: by code, where they have others than elsewhere. */
export function problemOf(
  error: unknown,
  requestId: string,
  titles: Readonly<Record<string, string>> = {},
): Problem {
  const fault = ours(error);
  const { code, details } = fault;
  const detail = detailOf(fault);
  const title = titles[code] ?? titleOf(code);
  // What was sent is not sent back.
  const { value: _value, ...facts } = details;
  const status = statusOf(code, error);
  const problem = { type: typeOf(code), title, status, detail, code, requestId };
  return { ...problem, ...facts, ...problem };
}

/** Whether the log should have it: it is our fault, not the client's, and no limit. */
export function isInternal({ code }: Problem): boolean {
  return code === 'internal_error';
}

/** Fastify's codes of what it finds when it reads a body. */
const OF_BODY = /^FST_ERR_CTP_/;

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function ours(error: unknown): Fault {
  if (error instanceof SlotkeeperError && error.code in STATUSES) return error;
  const text = 'Something has gone wrong; the log of the daemon has it, under this request id';
  return ofFastify(error) ?? new SlotkeeperError('internal_error', text);
}

/** What was sent is not sent back: a message quotes the value of an option, which may be a whole work order. */
function detailOf({ code, message, details: { option, expected } }: Fault): string {
  if (code !== 'invalid_option') return message;
  if (option === 'order') return `The work order is too long: its JSON must be ${expected}`;
  return `Option ${option} must be ${expected}`;
}

/** What it refuses before a route is asked. Its texts say nothing of the daemon. */
function ofFastify(error: unknown): Fault | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode, message } = error;
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode >= 500) return undefined;
  const isOfBody = statusCode === 400 && 'code' in error && OF_BODY.test(String(error.code));
  if (isOfBody) return new SlotkeeperError('invalid_json', message);
  return new SlotkeeperError('unsupported_request', message);
}

function statusOf(code: string, error: unknown): number {
  if (code === 'unsupported_request' && error instanceof Error && 'statusCode' in error) {
    return Number(error.statusCode);
  }
  return STATUSES[code] ?? 500;
}

function typeOf(code: string): string {
  return `urn:slotkeeper:problem:${code}`;
}

/** `max_runs_exceeded` as `Max runs exceeded`: the same for each of a sort, as the standard wants. */
function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
