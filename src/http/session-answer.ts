/**
 * A session as it is answered.
 */
import { z } from 'zod';
import type { Session } from '../sessions/index.ts';

const term = z.number().nullable().describe('Milliseconds; null: without end');

export const sessionAnswer = z.object({
  sessionId: z.string(),
  owner: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
  state: z.enum(['opening', 'active', 'closing', 'closed']),
  closeReason: z.string().nullable(),
  isDurable: z.boolean(),
  createdAt: z.number().int().describe('UTC epoch milliseconds, as all times'),
  lastActiveAt: z.number().int(),
  endedAt: z.number().int().nullable(),
  idleTimeoutMs: term,
  maxLifetimeMs: term,
  runs: z.array(z.object({ runId: z.string(), kind: z.string().nullable(), state: z.string() })),
});

export type SessionAnswer = z.output<typeof sessionAnswer>;

export function sessionAnswerOf(session: Session): SessionAnswer {
  const { sessionId, owner = null, labels, state, closeReason = null, isDurable } = session;
  const { createdAt, lastActiveAt, endedAt = null } = session;
  const runs = session.runs().map((run) => {
    return { runId: run.runId, kind: run.kind ?? null, state: run.state };
  });
  const terms = {
    idleTimeoutMs: finite(session.idleTimeoutMs),
    maxLifetimeMs: finite(session.maxLifetimeMs),
  };
  const facts = { sessionId, owner, labels: { ...labels }, state, closeReason, isDurable };
  return { ...facts, createdAt, lastActiveAt, endedAt, ...terms, runs };
}

/** JSON knows no `Infinity`. */
function finite(ms: number): number | null {
  return ms === Infinity ? null : ms;
}
