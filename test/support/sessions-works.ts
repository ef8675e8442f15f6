/**
 * The functions that the runs of a history run: what they do, and a ledger of which of them really are at
 * work. Each looks around when it is called: it has its slot, it was not called before, and with it no more
 * are at work than the limits say.
 */
import type { ConcurrencyLimiter, Limits, RunContext, RunFunction } from '../../src/index.ts';
import { type Gate, gate } from './servers.ts';
import type { RunModel, SessionsModel } from './sessions-model.ts';
import type { WorkKind } from './sessions-steps.ts';

/** What functions do to the sessions that they run in. */
export interface Inside {
  runAnother(run: RunModel): void;
  closeOwn(run: RunModel): void;
}

export class Works {
  /** What must never be. */
  readonly wrongs: string[] = [];
  private readonly gates = new Map<RunModel, Gate<'succeeded' | 'failed'>>();
  private readonly model: SessionsModel;
  private readonly limiter: ConcurrencyLimiter;
  private readonly now: () => number;
  private readonly inside: Inside;

  constructor(
    model: SessionsModel,
    limiter: ConcurrencyLimiter,
    now: () => number,
    inside: Inside,
  ) {
    this.model = model;
    this.limiter = limiter;
    this.now = now;
    this.inside = inside;
  }

  functionOf(run: RunModel, kind: WorkKind): RunFunction {
    return (context) => {
      this.begin(run, context);
      return this.perform(run, kind, context);
    };
  }

  /** Functions that wait for the test. */
  get waitingOnes(): RunModel[] {
    return [...this.gates.keys()];
  }

  /** Lets a function go on to its end, unless it looks at something before. */
  settle(run: RunModel, end: 'succeeded' | 'failed'): void {
    this.gates.get(run)?.open(end);
    this.gates.delete(run);
  }

  private begin(run: RunModel, { token, sessionId, runId }: RunContext): void {
    run.begins += 1;
    run.answer = 'accepted';
    run.isLiving = true;
    run.beganAt = run.leaseSince = this.now();
    if (run.begins > 1) this.wrongs.push(`${run.id} begins again`);
    if (run.told.length > 0) this.wrongs.push(`${run.id} begins after its end`);
    const rows = [...this.limiter.list({ sessionId, state: 'held' })];
    const hasSlot = rows.some(
      (row) => row.type === 'run' && row.runId === runId && row.token === token,
    );
    if (!hasSlot) this.wrongs.push(`${run.id} begins without a slot`);
    this.wrongs.push(...this.excesses(run, this.limiter.getLimits()));
  }

  private excesses(run: RunModel, limits: Limits): string[] {
    const { atWork, raws } = this.model;
    const held = raws.filter(({ state }) => state === 'held');
    const inSession = held.filter(({ session }) => session.id === run.session.id);
    const uses: [string, number, number][] = [
      ['runs', atWork.length + held.length, limits.maxParallelRuns],
      [
        'runs of its session',
        atWork.filter(({ session }) => session.id === run.session.id).length + inSession.length,
        limits.maxRunsPerSession,
      ],
      [
        'runs of its owner',
        atWork.filter(({ terms }) => terms.owner === run.terms.owner).length,
        run.terms.owner === undefined ? Infinity : limits.maxRunsPerOwner,
      ],
      [
        'tools',
        atWork.filter(({ terms }) => terms.isTool).length,
        run.terms.isTool ? (limits.maxRunsPerKind.tool ?? Infinity) : Infinity,
      ],
    ];
    const excesses = uses.filter(([, use, limit]) => use > limit);
    return excesses.map(([what, use, limit]) => `${run.id} begins: ${use} ${what}, of ${limit}`);
  }

  private perform(run: RunModel, kind: WorkKind, context: RunContext): unknown {
    switch (kind) {
      case 'value':
        this.ended(run, 'succeeded');
        return kind;
      case 'throws':
        this.ended(run, 'failed');
        throw new Error('thrown at once');
      case 'rejects':
        this.ended(run, 'failed');
        return Promise.reject(new Error('rejected'));
      case 'ignores':
        context.signal.addEventListener('abort', () => {});
        return this.untilSettled(run);
      case 'obeys':
        return Promise.race([this.untilSettled(run), this.untilAborted(run, context.signal)]);
      case 'pausable':
        return this.inSteps(run, context);
      case 'nests':
        this.inside.runAnother(run);
        return this.untilSettled(run);
      case 'closes':
        this.inside.closeOwn(run);
        return this.untilSettled(run);
      case 'later':
      case 'never':
        return this.untilSettled(run);
    }
  }

  private async untilSettled(run: RunModel): Promise<string> {
    const end = await this.gateOf(run).opened;
    return this.finish(run, end);
  }

  private untilAborted(run: RunModel, signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      const obey = (): void => {
        this.gates.delete(run);
        run.isLiving = false;
        reject(signal.reason);
      };
      if (signal.aborted) obey();
      else signal.addEventListener('abort', obey);
    });
  }

  /** Two steps, and between them it looks whether it is paused. */
  private async inSteps(run: RunModel, context: RunContext): Promise<string> {
    const { opened } = this.gateOf(run);
    try {
      const end = await opened;
      await context.whenResumed();
      if (run.isPaused) this.wrongs.push(`${run.id} goes on while it is paused`);
      return this.finish(run, end);
    } finally {
      run.isLiving = false;
    }
  }

  private finish(run: RunModel, end: 'succeeded' | 'failed'): string {
    this.ended(run, end);
    if (end === 'failed') throw new Error('failed, as ordered');
    return end;
  }

  private gateOf(run: RunModel): Gate<'succeeded' | 'failed'> {
    const made = gate<'succeeded' | 'failed'>();
    this.gates.set(run, made);
    return made;
  }

  /** Its function settles now, by itself. */
  private ended(run: RunModel, end: 'succeeded' | 'failed'): void {
    if (run.told.length === 0) this.model.end([run], end);
    run.isLiving = false;
  }
}
