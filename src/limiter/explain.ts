/**
 * What may be asked to be explained: an id, or a refusal.
 */
import { expectKnown, expectOption, invalidOption } from '../otp/options.ts';
import { invalidId, isId, RefusalError } from '../slots/index.ts';
import { isAcquirer } from './caller.ts';
import { type Explanation, explainEntry, explainRefusal } from './explanation.ts';
import { runIds } from './run-ids.ts';
import type { Survivors } from './survivors.ts';

/** A run or a session by its id, or the error of an acquire that this limiter has refused. */
export type ExplainSubject =
  | { readonly runId: string }
  | { readonly sessionId: string }
  | RefusalError;

/** Throws `invalid_id`, `invalid_option`. */
export function explain(limiter: Survivors, subject: ExplainSubject): Explanation {
  if (subject instanceof RefusalError) return explainError(limiter, subject);
  expectOption('subject', subject, isObject, '{ runId }, { sessionId } or a RefusalError');
  expectKnown(subject, ['runId', 'sessionId']);
  const { runId, sessionId } = subject as { runId?: string; sessionId?: string };
  if (runId !== undefined && sessionId !== undefined) {
    throw invalidOption('subject', subject, 'one id, of a run or of a session');
  }
  const { runs, sessions } = limiter.tables;
  if (runId !== undefined) {
    return explainEntry(limiter, runs.get(runIds.keyOf(checked('runId', runId))));
  }
  return explainEntry(limiter, sessions.get(checked('sessionId', sessionId)));
}

function explainError(limiter: Survivors, error: RefusalError): Explanation {
  const request = RefusalError.requestOf(error);
  if (!isAcquirer(request) || !request.isFor(limiter.desk)) return { state: 'unknown' };
  return explainRefusal(limiter, error.code, request);
}

function checked(what: string, id: string | undefined): string {
  if (isId(id)) return id as string;
  throw invalidId(what, id);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
