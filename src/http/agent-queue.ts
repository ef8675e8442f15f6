/**
 * The queue of agents: first come, first served, so many at a time as the limit of their kind says.
 *
 * Each agent is a run in a session of its own, which is closed when the agent is gone. What the queue says of
 * itself is read from the limiter's rows; only how long agents have worked is remembered here.
 */
import type { Config } from '../config/index.ts';
import type { Run, Session } from '../sessions/index.ts';
import type { Caller } from './caller.ts';
import type { Keeper } from './keeper.ts';
import { type RequestKey, underKey } from './request-key.ts';
import { WorkTimes } from './work-times.ts';

export const AGENT = 'agent';

/** Where nothing is known yet: what one agent is taken to need. */
const UNKNOWN_WORK_MS = 30_000;

export interface QueueState {
  readonly running: number;
  readonly queued: number;
  /** `Infinity` without a limit. */
  readonly maxConcurrency: number;
}

export class AgentQueue {
  private readonly keeper: Keeper;
  private readonly config: Config;
  private readonly times = new WorkTimes();

  constructor(keeper: Keeper, config: Config) {
    this.keeper = keeper;
    this.config = config;
  }

  get state(): QueueState {
    let running = 0;
    let queued = 0;
    for (const { state } of this.keeper.limiter.list({ kind: AGENT })) {
      if (state === 'held') running += 1;
      else queued += 1;
    }
    const { maxRunsPerKind, maxParallelRuns } = this.keeper.limiter.getLimits();
    const maxConcurrency = Math.min(maxRunsPerKind[AGENT] ?? Infinity, maxParallelRuns);
    return { running, queued, maxConcurrency };
  }

  /** How long who comes now would wait, from work time only. */
  get estimatedWaitMs(): number {
    const { running, queued, maxConcurrency } = this.state;
    const isRoom = running < maxConcurrency && this.keeper.getStatus().availableRunSlots > 0;
    if (queued === 0 && isRoom) return 0;
    const rounds = Math.ceil((queued + 1) / maxConcurrency);
    return Math.round(rounds * (this.times.meanMs ?? UNKNOWN_WORK_MS));
  }

  /** How many waiters come before this run; 0 is next, and nobody before one that has begun. */
  positionOf(run: Run): number {
    const explanation = this.keeper.limiter.explain({ runId: run.runId });
    return explanation.state === 'waiting' ? explanation.ahead : 0;
  }

  /** Resolves when the agent has begun or waits. Rejects as `openSession` and `session.run` do. */
  async start(
    agent: NonNullable<Config['agent']>,
    input: unknown,
    caller: Caller,
    key?: RequestKey,
  ): Promise<Run> {
    const { journal, sessions } = this.config;
    const session = await this.keeper.openSession({
      owner: caller.owner,
      durable: journal.path !== null,
      // A daemon that is killed before the agent is asked for leaves nothing else behind that would end it.
      idleTimeoutMs: sessions.idleTimeoutMs,
      // One that hangs would hold the slot of all others for ever.
      maxLifetimeMs: sessions.maxLifetimeMs,
    });
    const cmd = [agent.command, ...agent.args];
    const { queueTimeoutMs: waitTimeoutMs } = this.config;
    const options = { kind: AGENT, waitTimeoutMs, ...underKey(key) };
    try {
      const run = await session.run({ cmd, stdin: JSON.stringify(input) }, options);
      void this.closeAfter(run, session);
      return run;
    } catch (fault) {
      await session.close();
      throw fault;
    }
  }

  /** Agents of the daemon before: at work or waiting still, or gone while their session was not closed yet. */
  takeUp(): void {
    for (const session of this.keeper.sessions()) {
      const agent = agentIn(session.runs()) ?? agentIn(session.runs({ ended: true }));
      if (agent) void this.closeAfter(agent, session);
    }
  }

  private async closeAfter(run: Run, session: Session): Promise<void> {
    await run.outcome;
    const { startedAt, endedAt } = run;
    if (startedAt !== undefined && endedAt !== undefined) this.times.add(endedAt - startedAt);
    await session.close();
  }
}

function agentIn(runs: readonly Run[]): Run | undefined {
  return runs.find(({ kind }) => kind === AGENT);
}
