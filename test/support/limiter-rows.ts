/**
 * What a limiter says of itself when it is asked to list and to explain, and what its model foresees of
 * that: a line for each slot and each wait.
 */
import type { LimiterModel } from './limiter-model.ts';
import type { LimiterSubject } from './limiter-subject.ts';
import { type Ask, fullLimits } from './limits-model.ts';

type Explanation = ReturnType<LimiterSubject['limiter']['explain']>;

export function seenRows({ limiter, clock, showId }: LimiterSubject): string[] {
  const rows = [...limiter.list()].map((row) => {
    const { type, sessionId, owner, state, priority, leaseMs, sinceAt } = row;
    const kind = 'kind' in row ? row.kind : null;
    const subject = 'runId' in row ? { runId: row.runId } : { sessionId };
    const whose = `${type} ${showId(row, type)} of ${sessionId}, ${owner}, ${kind}`;
    const terms = `${state} for ${clock.now() - sinceAt}, lease ${leaseMs}, priority ${priority}`;
    return `${whose} ${terms}, ${showExplanation(limiter.explain(subject), clock.now())}`;
  });
  return rows.sort();
}

export function foreseenRows(model: LimiterModel, tokenOf: (grant: number) => number): string[] {
  const { now } = model;
  const held = model.held.map((slot) => {
    const { grant, grantedAt, leaseMs, expiresAt } = slot;
    const terms = `held for ${now - grantedAt}, lease ${orNull(leaseMs)}, priority null`;
    const more = `token ${tokenOf(grant)}, expires in ${orNull(expiresAt - now)}`;
    return `${showTerms(slot, slot.id)} ${terms}, ${more}`;
  });
  const waiting = model.waits.map((wait) => {
    const { id, priority, servedAt = now } = wait.terms;
    const { leaseMs } = wait.asks[0] ?? wait.terms;
    const name = id.startsWith('w') ? 'made' : id; // nobody knows an id before it is granted a slot
    const terms = `waiting for ${now - servedAt}, lease ${orNull(leaseMs)}, priority ${priority}`;
    const full = fullLimits(wait.terms, model).map(showFull);
    return `${showTerms(wait.terms, name)} ${terms}, ${model.aheadOf(wait)} ahead, ${full}`;
  });
  return [...held, ...waiting].sort();
}

function showExplanation(explanation: Explanation, wallNow: number): string {
  switch (explanation.state) {
    case 'held': {
      const { token, expiresAt } = explanation;
      return `token ${token}, expires in ${expiresAt === null ? null : expiresAt - wallNow}`;
    }
    case 'waiting': {
      const { ahead, blockedBy } = explanation;
      return `${ahead} ahead, ${blockedBy.map(({ max, ...block }) => showFull({ ...block, limit: max }))}`;
    }
    default:
      return `is ${explanation.state}`;
  }
}

type Shown = { readonly code: string; active: number; limit: number; scope: string };

const showFull = ({ code, active, limit, scope }: Shown): string =>
  `${code} ${active}/${limit} ${scope}`;

const showTerms = ({ table, session, owner, kind }: Ask, id: string): string =>
  `${table} ${id} of ${session}, ${owner ?? null}, ${kind ?? null}`;

const orNull = (ms: number): number | null => (ms === Infinity ? null : ms);
