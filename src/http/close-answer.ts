/**
 * The closing of a session as it is answered: a plan, or a report.
 */
import { z } from 'zod';
import type { ClosePlan, CloseReport } from '../sessions/index.ts';

const step = z.object({
  action: z.enum([
    'withdraw_run',
    'keep_run',
    'stop_run',
    'release_others',
    'release_session',
    'keep_session',
  ]),
  runId: z.string().optional(),
  runIds: z.array(z.string()).optional(),
  state: z.string().optional(),
  result: z.enum(['done', 'pending']).optional().describe('Absent in a plan'),
  outcome: z.string().optional(),
  afterMs: z.number().optional(),
});

export const closeAnswer = z.object({
  sessionId: z.string(),
  reason: z.string().nullable().describe('null: nothing was done'),
  isComplete: z.boolean(),
  steps: z.array(step),
});

export type CloseAnswer = z.output<typeof closeAnswer>;

export function closeAnswerOf(report: ClosePlan | CloseReport): CloseAnswer {
  const { sessionId, steps } = report;
  const { reason, isComplete } = 'reason' in report ? report : { reason: null, isComplete: false };
  return { sessionId, reason, isComplete, steps: steps.map(stepOf) };
}

/** Its arrays may be written to, as zod sees it. */
function stepOf(step: ClosePlan['steps'][number]): CloseAnswer['steps'][number] {
  return 'runIds' in step ? { ...step, runIds: [...step.runIds] } : { ...step };
}
