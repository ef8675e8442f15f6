/**
 * The display of `run` on a terminal: some lines that are drawn anew a few times a second, and a summary.
 *
 * It only looks: at the tally, at the limiter's status, at the runs that are at work. What else is printed
 * meanwhile stands above it.
 */
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import type { Slotkeeper } from '../../../supervisors/start-slotkeeper.ts';
import type { Run } from '../../sessions/index.ts';
import type { Tally } from './tally.ts';
import { ageText, fitted } from './text.ts';

/** Often enough to look alive, seldom enough to cost nothing. */
const DRAW_EVERY_MS = 150;
/** Runs that are shown, the longest first: what hangs is among them. */
const SHOWN_RUNS = 3;
const DEFAULT_COLUMNS = 80;
const WIDEST_BAR = 60;

type Colors = ReturnType<typeof pc.createColors>;

export class ProgressDisplay {
  private readonly terminal: NodeJS.WriteStream;
  private readonly draw: ReturnType<typeof createLogUpdate>;
  private readonly keeper: Slotkeeper;
  private readonly tally: Tally;
  private readonly colors: Colors;
  private readonly timer: NodeJS.Timeout;
  /** What is being done about it, where it is not the usual. */
  private mood = '';

  constructor(terminal: NodeJS.WriteStream, keeper: Slotkeeper, tally: Tally) {
    this.terminal = terminal;
    this.keeper = keeper;
    this.tally = tally;
    this.colors = pc.createColors(hasColors(terminal));
    this.draw = createLogUpdate(terminal);
    this.timer = setInterval(() => this.refresh(), DRAW_EVERY_MS);
    this.refresh();
  }

  /** Prints a line above it, which the terminal may break and nobody else does. */
  print(line: string): void {
    this.draw.clear();
    this.terminal.write(`${line}\n`);
    this.refresh();
  }

  /** What is going on: `draining`. */
  say(mood: string): void {
    this.mood = mood;
    this.refresh();
  }

  /** The last of it: the summary stays. */
  end(): void {
    clearInterval(this.timer);
    this.draw(this.fit([this.bar(), this.summary()]));
    this.draw.done();
  }

  private refresh(): void {
    this.draw(this.fit([this.bar(), this.counts(), ...this.works()]));
  }

  private get columns(): number {
    return this.terminal.columns || DEFAULT_COLUMNS;
  }

  private fit(lines: readonly string[]): string {
    return lines.map((line) => fitted(line, this.columns - 1)).join('\n');
  }

  private bar(): string {
    const { done, total, isTotalKnown } = this.tally;
    const { green, dim } = this.colors;
    if (!isTotalKnown) return `${done} done of ${total} so far`;
    const share = total === 0 ? 1 : done / total;
    const text = ` ${Math.floor(share * 100)} %  ${done} of ${total}`;
    const width = Math.max(10, Math.min(WIDEST_BAR, this.columns - text.length - 2));
    const filled = Math.floor(share * width);
    return `${green('█'.repeat(filled))}${dim('░'.repeat(width - filled))}${text}`;
  }

  private counts(): string {
    const { tally, colors } = this;
    const { activeRuns } = this.keeper.getStatus();
    const waiting = Math.max(0, tally.total - tally.done - activeRuns);
    const failed = tally.failed + tally.timedOut + tally.cancelled;
    const parts = [
      `${activeRuns} running`,
      `${waiting} waiting`,
      colors.green(`${tally.succeeded} succeeded`),
      failed > 0 ? colors.red(`${failed} failed`) : '0 failed',
      `${tally.perSecond.toFixed(1)}/s`,
      this.mood ? colors.yellow(this.mood) : this.estimate(),
    ];
    return parts.filter((part) => part !== '').join('  ');
  }

  private estimate(): string {
    const { remainingMs } = this.tally;
    return remainingMs === undefined ? '' : `about ${ageText(remainingMs)} left`;
  }

  private works(): string[] {
    const runs = [...this.keeper.sessions()].flatMap((session) => session.runs());
    const atWork = runs.filter(({ startedAt }) => startedAt !== undefined).sort(byStart);
    const now = Date.now();
    return atWork.slice(0, SHOWN_RUNS).map((run) => this.work(run, now));
  }

  private work({ runId, sessionId, startedAt = 0 }: Run, now: number): string {
    const name = sessionId === 'default' ? runId : `${runId} in ${sessionId}`;
    return this.colors.dim(`  ${name}  ${ageText(now - startedAt)}`);
  }

  private summary(): string {
    const { tally, colors } = this;
    const ends = [
      colors.green(`${tally.succeeded} succeeded`),
      ...endText(tally.failed, 'failed', colors.red),
      ...endText(tally.timedOut, 'timed out', colors.red),
      ...endText(tally.cancelled, 'cancelled', colors.yellow),
      ...endText(tally.interrupted, 'interrupted', colors.yellow),
    ];
    return `${ends.join(', ')} in ${ageText(tally.elapsedMs)}`;
  }
}

function endText(count: number, word: string, color: (text: string) => string): string[] {
  return count === 0 ? [] : [color(`${count} ${word}`)];
}

function byStart(a: Run, b: Run): number {
  return (a.startedAt ?? 0) - (b.startedAt ?? 0);
}

/**
 * `NO_COLOR` with any text in it means none (no-color.org), and an empty one, which to Node 20 is one too,
 * means nothing; `FORCE_COLOR` is Node's.
 */
function hasColors(terminal: NodeJS.WriteStream): boolean {
  const { NO_COLOR = '', ...others } = process.env;
  return NO_COLOR === '' && terminal.hasColors(others);
}
