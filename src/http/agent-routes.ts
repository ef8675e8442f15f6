/**
 * The agent queue's two endpoints, under the paths and names that its clients know.
 *
 * What they say is true: `started` is one that has begun, `queued` one that waits, with how many before it.
 */
import { z } from 'zod';
import { AgentQueue } from './agent-queue.ts';
import type { DaemonOptions } from './daemon-options.ts';
import { REPLAYED } from './idempotency.ts';
import { limit, writtenLimit } from './limits-answer.ts';
import { requestFault } from './request-faults.ts';
import { runUnder } from './request-key.ts';
import { type Route, route } from './route.ts';

const count = z.int().min(0);

/** Whether it has what it must have is told in the words of before, so nothing is required here. */
const body = z.object({
  config: z.unknown().optional(),
  group: z.unknown().optional(),
  initialRepoContext: z.unknown().optional(),
});

const startAnswer = z.object({
  agentId: z.string().describe('The id of its run, for /v1/runs'),
  status: z.enum(['queued', 'started']),
  queue: z.object({
    position: count.describe('Agents before it; 0 is next'),
    running: count,
    maxConcurrency: limit,
  }),
});

const queueAnswer = z.object({
  running: count,
  queued: count,
  maxConcurrency: limit,
  utilizationPercent: z.number(),
  estimatedWaitMs: count.describe('Of who comes now'),
  estimatedWaitSec: count,
});

export function agentRoutes(options: DaemonOptions): Route[] {
  const queue = new AgentQueue(options.keeper, options.config);
  queue.takeUp();
  return [starting(options, queue), looking(queue)];
}

function starting({ keeper, config }: DaemonOptions, queue: AgentQueue): Route {
  return route({
    method: 'POST',
    url: '/api/agent/start',
    summary: 'Start an agent, or queue it',
    schemas: { body },
    answers: { 200: { meaning: 'It has begun, or waits', schema: startAnswer } },
    handle: async ({ body, caller, key }) => {
      const { config: asked, group, initialRepoContext } = body;
      if (!asked || !group) {
        throw requestFault('agent_incomplete', 'Missing config or group');
      }
      const input = { config: asked, group, initialRepoContext };
      // Of a daemon that was killed before it had answered.
      const known = runUnder(keeper, key);
      const run = known ?? (await queue.start(configured(config.agent), input, caller, key));
      const { running, maxConcurrency } = queue.state;
      const place = { position: queue.positionOf(run), running };
      return {
        status: 200,
        ...(known && { headers: REPLAYED }),
        body: {
          agentId: run.runId,
          status: run.state === 'queued' ? 'queued' : 'started',
          queue: { ...place, maxConcurrency: writtenLimit(maxConcurrency) },
        },
      };
    },
  });
}

function looking(queue: AgentQueue): Route {
  return route({
    method: 'GET',
    url: '/api/queue/status',
    summary: 'Look at the queue of agents',
    schemas: {},
    answers: { 200: { meaning: 'The queue', schema: queueAnswer } },
    handle: () => {
      const { running, queued, maxConcurrency } = queue.state;
      const { estimatedWaitMs } = queue;
      const estimate = { estimatedWaitMs, estimatedWaitSec: Math.ceil(estimatedWaitMs / 1_000) };
      const utilizationPercent = (running / maxConcurrency) * 100;
      const max = { maxConcurrency: writtenLimit(maxConcurrency) };
      return { status: 200, body: { running, queued, ...max, utilizationPercent, ...estimate } };
    },
  });
}

function configured<Agent>(agent: Agent | null): Agent {
  if (agent) return agent;
  throw requestFault('agent_unavailable', 'No agent is configured: `agent.command`');
}
