/**
 * Refusals: the expected answer "no", with a stable code, and what the limit and its use were.
 *
 * A refusal is no fault: nothing is broken, and for most codes asking again later can succeed
 * (`retryable`). It carries no stack, because it says nothing about a place in the code, and because a
 * stack costs ten times as much as the refusal.
 */
import { SlotkeeperError, withoutStack } from '../fault.ts';

/** Every refusal code, with its meaning. */
export const refusalCodes = {
  max_sessions_exceeded: 'all session slots are held',
  max_runs_exceeded: 'all run slots are held',
  max_runs_per_session_exceeded: 'the session holds all the run slots that one session may',
  max_sessions_per_owner_exceeded: 'the owner holds all the session slots that one owner may',
  max_runs_per_owner_exceeded: 'the owner holds all the run slots that one owner may',
  max_jobs_per_owner_exceeded: 'the owner has as many runs, held or waiting, as one owner may',
  max_runs_per_kind_exceeded: 'all the run slots of this kind are held',
  run_id_conflict: 'the run id is held or waiting under another session or owner',
  session_id_conflict: 'the session id is held or waiting under another owner',
  queue_full: 'as many sessions and runs wait as may',
  wait_timeout: 'no slot was free in the time that was to be waited',
  session_released: 'the session was released while the run waited',
  withdrawn: 'the id was released while it waited',
  draining: 'the limiter takes nobody new',
  unavailable: 'the limiter cannot decide at this moment',
  storage_unavailable: 'the journal cannot be written',
} as const;

export type RefusalCode = keyof typeof refusalCodes;

/** What a limit is about. The narrowest one is named when several are full. */
export type Scope = 'session' | 'owner' | 'kind' | 'global';

const FINAL: ReadonlySet<RefusalCode> = new Set([
  'run_id_conflict',
  'session_id_conflict',
  'session_released',
  'withdrawn',
]);

/** Why there is no slot, as plain data. A code that is about no limit has none. */
export interface Refusal {
  readonly code: RefusalCode;
  readonly limit?: number | undefined;
  readonly active?: number | undefined;
  readonly scope?: Scope | undefined;
  /** The id that it is about, where it is about one. */
  readonly id?: string | undefined;
}

export class RefusalError extends SlotkeeperError<RefusalCode> {
  override readonly name: string = 'RefusalError';
  /** The configured ceiling that was met. */
  readonly limit: number | undefined;
  /** How much of it was in use. */
  readonly active: number | undefined;
  readonly scope: Scope | undefined;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;

  /** The request that was refused, for who explains it. */
  readonly #request: unknown;

  constructor(refusal: Refusal, request?: unknown) {
    const { code, limit, active, scope } = refusal;
    super(code, messageOf(refusal), { limit, active, scope });
    this.limit = limit;
    this.active = active;
    this.scope = scope;
    this.retryable = !FINAL.has(code);
    this.#request = request;
  }

  static requestOf(error: RefusalError): unknown {
    return error.#request;
  }
}

/** Makes the error without a stack. `request`: what was refused. */
export function refusalError(refusal: Refusal, request?: unknown): RefusalError {
  return withoutStack(() => new RefusalError(refusal, request));
}

function messageOf(refusal: Refusal): string {
  const name = LIMIT_NAMES[refusal.code];
  const use = `(${refusal.limit}) exceeded. Currently active: ${refusal.active}`;
  if (name !== undefined) return `Maximum ${name} limit ${use}`;
  const meaning = refusalCodes[refusal.code];
  if (refusal.id !== undefined) return `${sentence(meaning)}: ${refusal.id}`;
  if (refusal.limit === undefined) return sentence(meaning);
  return `${sentence(meaning)}: limit ${refusal.limit}, currently active: ${refusal.active}`;
}

const LIMIT_NAMES: Partial<Record<RefusalCode, string>> = {
  max_sessions_exceeded: 'parallel sessions',
  max_runs_exceeded: 'parallel runs',
  max_runs_per_session_exceeded: 'runs per session',
  max_sessions_per_owner_exceeded: 'sessions per owner',
  max_runs_per_owner_exceeded: 'runs per owner',
  max_jobs_per_owner_exceeded: 'jobs per owner',
  max_runs_per_kind_exceeded: 'runs per kind',
  queue_full: 'waiters',
};

function sentence(meaning: string): string {
  return meaning.charAt(0).toUpperCase() + meaning.slice(1);
}
