/**
 * `slotkeeper run WORK`: runs the programs of an input under the limiter, each once, and tells how each ended.
 *
 * Exit status: 0 all have succeeded, 1 some have not, or it could not go on; 65 the input is no work; 130
 * interrupted by Ctrl-C (143 by SIGTERM, 129 by the end of the terminal).
 */
import { type Slotkeeper, startSlotkeeper } from '../../../supervisors/start-slotkeeper.ts';
import type { SlotkeeperError } from '../../fault.ts';
import { commandTemplate } from './command-template.ts';
import { Interruption } from './interruption.ts';
import type { Job } from './job.ts';
import { journalledJobs } from './journalled-jobs.ts';
import { ProgressDisplay } from './progress-display.ts';
import type { ResultRow } from './result-row.ts';
import { Results } from './results.ts';
import type { RunSettings } from './run-settings.ts';
import { Tally } from './tally.ts';
import { jobsOf, jobsOfFile, type LineReader, lineReader } from './work-input.ts';
import { WorkRunner } from './work-runner.ts';

const SOME_FAILED = 1;
const BAD_INPUT = 65;

/** What becomes of one call of the command. */
export class RunCommand {
  private readonly settings: RunSettings;
  private readonly tally = new Tally();
  private readonly noMore = new AbortController();
  private display: ProgressDisplay | undefined = undefined;
  private runner: WorkRunner | undefined = undefined;
  /** Why nothing more is begun, where nobody has asked for that. */
  private fault: SlotkeeperError | undefined = undefined;
  private hasBadLines = false;

  constructor(settings: RunSettings) {
    this.settings = settings;
  }

  /** Resolves with the exit status. Rejects with what keeps it from beginning. */
  async run(): Promise<number> {
    const { journal } = this.settings;
    const known = journal === undefined ? new Map() : journalledJobs(journal);
    const jobs = await this.jobs(this.reader(known));
    const results = new Results(this.settings.results, (fault) => this.fail(fault));
    const keeper = await startSlotkeeper(this.settings.keeper);
    results.begin();
    const interruption = this.listen();
    try {
      await this.perform(keeper, jobs, results);
    } finally {
      interruption.end();
      await keeper.stop();
      await results.close();
      this.endDisplay();
    }
    if (this.fault) this.tell(`${this.fault.message} [${this.fault.code}]`);
    return interruption.exitStatus ?? this.status;
  }

  private reader(known: ReadonlyMap<string, string | undefined>): LineReader {
    const { template } = this.settings;
    return lineReader(template === undefined ? undefined : commandTemplate(template), known);
  }

  private get status(): number {
    if (this.hasBadLines) return BAD_INPUT;
    return this.fault || !this.tally.isGood ? SOME_FAILED : 0;
  }

  private async perform(
    keeper: Slotkeeper,
    jobs: Iterable<Job> | AsyncIterable<Job>,
    results: Results,
  ): Promise<void> {
    const { isRerunning, isQuiet } = this.settings;
    this.runner = new WorkRunner({
      keeper,
      isRerunning,
      ended: (row) => {
        this.tally.add(row);
        this.show(row, results);
      },
      tell: (text) => this.tell(text),
      failed: (fault) => this.fail(fault),
    });
    const { stderr } = process;
    if (stderr.isTTY && !isQuiet) this.display = new ProgressDisplay(stderr, keeper, this.tally);
    await this.runner.run(this.counted(jobs));
  }

  /** A file is checked whole; what comes is taken as it comes. */
  private async jobs(reader: LineReader): Promise<Iterable<Job> | AsyncIterable<Job>> {
    const { work } = this.settings;
    if (work === '-') return jobsOf(process.stdin, reader, this.badLine, this.noMore.signal);
    const jobs = await jobsOfFile(work, reader);
    this.tally.total = jobs.length;
    this.tally.isTotalKnown = true;
    return jobs;
  }

  private async *counted(jobs: Iterable<Job> | AsyncIterable<Job>): AsyncGenerator<Job> {
    for await (const job of jobs) {
      if (!this.tally.isTotalKnown) this.tally.total += 1;
      yield job;
    }
    this.tally.total = Math.max(this.tally.total, this.tally.done);
    this.tally.isTotalKnown = true;
  }

  private listen(): Interruption {
    return new Interruption({
      first: () => this.drain('draining; again kills'),
      second: () => this.kill(),
    });
  }

  private drain(mood: string): void {
    this.noMore.abort();
    this.runner?.drain();
    this.display?.say(mood);
  }

  private kill(): void {
    this.runner?.kill();
    this.display?.say('killing');
  }

  private endDisplay(): void {
    this.display?.end();
    this.display = undefined;
  }

  private fail(fault: SlotkeeperError): void {
    this.fault ??= fault;
    this.drain(fault.code);
  }

  /** On the terminal of the display rows stand above it. */
  private show(row: ResultRow, results: Results): void {
    const isOnTerminal = this.settings.results === undefined && process.stdout.isTTY;
    if (this.display && isOnTerminal) this.display.print(JSON.stringify(row));
    else results.add(row);
  }

  private readonly badLine = (fault: string): void => {
    this.hasBadLines = true;
    this.tell(fault);
  };

  private tell(text: string): void {
    const line = `slotkeeper: ${text}`;
    if (this.display) this.display.print(line);
    else console.error(line);
  }
}
