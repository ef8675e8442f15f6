/**
 * Does the jobs of an input, each once, and tells how each has ended.
 *
 * A job that the journal knows is not begun again: its result is told as it was, or, while it runs still, it is
 * waited for. What was interrupted, so that nobody knows what has come of it, is run again, unless that is
 * not wanted. Jobs wait in the limiter, which decides who goes next; of a long input a part at a time.
 *
 * It is ended in two steps: `drain` begins nothing more and lets end what runs, `kill` ends that too.
 */
import type { Slotkeeper } from '../../../supervisors/start-slotkeeper.ts';
import { SlotkeeperError } from '../../fault.ts';
import type { Run, RunOutcome, Session } from '../../sessions/index.ts';
import type { Job } from './job.ts';
import { OpenSessions } from './open-sessions.ts';
import { failedRow, notBegunRow, type ResultRow, rowOf } from './result-row.ts';

/** Jobs that are given to the limiter at a time: priority and room count among them. */
const MOST_AT_A_TIME = 10_000;

export interface WorkRunnerOptions {
  readonly keeper: Slotkeeper;
  /** Whether a job that was interrupted is run again. */
  readonly isRerunning: boolean;
  /** A job has ended like this. */
  readonly ended: (row: ResultRow) => void;
  /** Something that people should know. */
  readonly tell: (text: string) => void;
  /** Nothing can be begun any more. */
  readonly failed: (fault: SlotkeeperError) => void;
}

export class WorkRunner {
  private readonly options: WorkRunnerOptions;
  private readonly sessions: OpenSessions;
  /** Runs of the journal that no job of the input has asked for yet. */
  private readonly found = new Map<string, Run>();
  private readonly works = new Set<Promise<void>>();
  private isDraining = false;
  private isKilling = false;

  constructor(options: WorkRunnerOptions) {
    this.options = options;
    this.sessions = new OpenSessions(options.keeper);
    for (const session of options.keeper.sessions()) this.find(session);
  }

  /** Resolves when all jobs have ended. Rejects when the input does. */
  async run(jobs: Iterable<Job> | AsyncIterable<Job>): Promise<void> {
    for await (const job of jobs) {
      if (!this.isDraining) await this.sessions.begin(job.session);
      this.add(this.perform(job));
      while (this.works.size >= MOST_AT_A_TIME) await Promise.race(this.works);
    }
    this.tellFound();
    while (this.works.size > 0) await Promise.all(this.works);
  }

  /** Begins nothing any more. Again is a no-op. */
  drain(): void {
    if (this.isDraining) return;
    this.isDraining = true;
    this.sessions.refuse(new NotBegun());
    this.interrupt(({ state }) => state === 'queued');
  }

  /** Ends what runs. */
  kill(): void {
    this.drain();
    this.isKilling = true;
    this.interrupt(() => true);
  }

  private interrupt(isMeant: (run: Run) => boolean): void {
    for (const session of this.options.keeper.sessions()) {
      for (const run of session.runs()) if (isMeant(run)) run.interrupt();
    }
  }

  private add(work: Promise<void>): void {
    const done = work.finally(() => this.works.delete(done));
    this.works.add(done);
  }

  // ── One job ─────────────────────────────────────────────────────────────────────────────────────

  private async perform(job: Job): Promise<void> {
    const known = this.options.keeper.getRun(job.id);
    this.found.delete(job.id);
    const isKnown = known && !neverBegan(known);
    const row = isKnown ? await this.takeUp(job, known) : await this.begin(job);
    this.options.ended(row);
  }

  private async takeUp(job: Job, run: Run): Promise<ResultRow> {
    return this.after(job, run, await run.outcome);
  }

  private async begin(job: Job): Promise<ResultRow> {
    if (this.isDraining) return notBegunRow(job);
    try {
      return await this.sessions.within(job.session, (session) => this.runIn(session, job));
    } catch (fault) {
      return this.notBegun(job, fault);
    }
  }

  private async runIn(session: Session, job: Job): Promise<ResultRow> {
    if (this.isDraining) return notBegunRow(job);
    const run = await session.run(job.order, job.options);
    if (this.isKilling) run.interrupt();
    return this.after(job, run, await run.outcome);
  }

  private after(job: Job, run: Run, outcome: RunOutcome): ResultRow | Promise<ResultRow> {
    if (!this.isToRunAgain(outcome)) return rowOf(job, run, outcome);
    this.options.tell(`job ${job.id} was interrupted, and is run again`);
    return this.begin(job);
  }

  /** What was interrupted by us just now was meant to be. */
  private isToRunAgain(outcome: RunOutcome): boolean {
    return this.options.isRerunning && !this.isDraining && outcome.state === 'interrupted';
  }

  private notBegun(job: Job, fault: unknown): ResultRow {
    if (fault instanceof NotBegun) return notBegunRow(job);
    if (!(fault instanceof SlotkeeperError)) throw fault;
    if (!CLOSED.has(fault.code)) return failedRow(job, fault.message);
    this.options.failed(fault);
    return notBegunRow(job);
  }

  // ── What the journal has found ──────────────────────────────────────────────────────────────────

  /** It is a use of its session, whoever asks for it. */
  private find(session: Session): void {
    for (const run of session.runs()) {
      this.found.set(run.runId, run);
      this.add(this.sessions.within(session.sessionId, async () => void (await run.outcome)));
    }
  }

  private tellFound(): void {
    const ids = [...this.found.keys()];
    if (ids.length === 0) return;
    this.options.tell(`jobs of the journal that the input has not are done too: ${ids.join(', ')}`);
  }
}

/** Faults of the keeper, not of a job: no other job would fare better. */
const CLOSED: ReadonlySet<string> = new Set(['storage_unavailable', 'server_down', 'stopped']);

class NotBegun extends Error {}

/** It has ended while it waited for its slot: nothing has come of it that could be told. */
function neverBegan({ token, endedAt }: Run): boolean {
  return endedAt !== undefined && token === 0;
}
