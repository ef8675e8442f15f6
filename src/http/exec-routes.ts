/**
 * Any program, run in a session while the client waits. It does not wait for a slot: where the session has as
 * many at work as it may, it is refused, and the session lives on.
 */
import { z } from 'zod';
import type { CommandOrder, Run } from '../sessions/index.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { openSession } from './found.ts';
import { REPLAYED } from './idempotency.ts';
import { requestFault } from './request-faults.ts';
import { runUnder, underKey } from './request-key.ts';
import { id, onDisconnect, systemText } from './request-schemas.ts';
import { type Answer, type Asked, type Route, route } from './route.ts';
import { answerOf, runAnswer } from './run-answer.ts';

/** As in the system that this is the successor of. */
const DEFAULT_TIMEOUT_MS = 300_000;
/** Of each stream; what an answer holds at most. */
const MOST_OUTPUT_BYTES = 1024 * 1024;

const params = z.object({ id });
const name = systemText.min(1).refine((value) => !value.includes('='), 'no =');
const body = z.strictObject({
  cmd: z
    .tuple([systemText.min(1)], systemText)
    .describe('The program and its arguments, each as it is: no shell sees them'),
  cwd: systemText.min(1).optional().describe('A folder that is there'),
  env: z.record(name, systemText).optional(),
  timeoutMs: z.int().min(1).default(DEFAULT_TIMEOUT_MS),
  onDisconnect: onDisconnect
    .optional()
    .describe('Without it: cancel; detach with an Idempotency-Key, whose client comes back'),
});

type ExecAsked = Asked<z.output<typeof params>, unknown, z.output<typeof body>>;

export function execRoutes(options: DaemonOptions): Route[] {
  return [exec(options)];
}

function exec(options: DaemonOptions): Route {
  return route({
    method: 'POST',
    url: '/v1/sessions/:id/exec',
    summary: 'Run a program in a session, and wait for its end',
    scope: 'exec',
    // In the words that clients of the system before this one know.
    titles: {
      max_runs_per_session_exceeded: 'Too many concurrent exec operations for this session',
    },
    schemas: { params, body },
    answers: {
      200: { meaning: 'It has ended, however: `state` and `exitCode` say how', schema: runAnswer },
    },
    handle: async (asked) => {
      // Of a daemon that was killed before it had answered.
      const known = runUnder(options.keeper, asked.key);
      const run = known ?? (await begun(options, asked));
      if (endsWithClient(asked)) {
        asked.client.onGone(() => void run.cancel('its client has gone away'));
      }
      const answer = await endOf(run);
      return known ? { ...answer, headers: REPLAYED } : answer;
    },
  });
}

/** Who sends a key means to ask again if he is cut off. */
function endsWithClient({ body, key }: ExecAsked): boolean {
  const { onDisconnect = key ? 'detach' : 'cancel' } = body;
  return onDisconnect === 'cancel';
}

/** With as much as it has printed, so whoever may be answered again is answered from the run. */
async function endOf(run: Run): Promise<Answer> {
  await run.outcome;
  return { status: 200, body: await answerOf(run), again: () => endOf(run) };
}

async function begun({ keeper, config }: DaemonOptions, asked: ExecAsked): Promise<Run> {
  if (!config.exec.enabled) {
    throw requestFault('exec_disabled', 'Running any program is not enabled');
  }
  const session = openSession(keeper, asked.caller, asked.params.id);
  return session.run(orderOf(asked.body), {
    kind: 'exec',
    deadlineMs: asked.body.timeoutMs,
    ...underKey(asked.key),
  });
}

function orderOf({ cmd, cwd, env = {} }: ExecAsked['body']): CommandOrder {
  return { cmd, env, maxOutputBytes: MOST_OUTPUT_BYTES, ...(cwd !== undefined && { cwd }) };
}
