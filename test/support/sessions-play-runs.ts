/**
 * What is done to runs in a history.
 */
import type { Run } from '../../src/index.ts';
import type { RunModel } from './sessions-model.ts';
import type { SessionsPlay, Told } from './sessions-play.ts';
import { at, RUN_IDS, type RunStep } from './sessions-steps.ts';

export class RunSteps {
  private readonly play: SessionsPlay;
  private readonly pausable = new Set<RunModel>();

  constructor(play: SessionsPlay) {
    this.play = play;
  }

  run(step: RunStep): Told {
    const { model, callers, sessions, sessionsThere, now } = this.play;
    const all =
      sessionsThere.length > 0 && step.pick % 12 > 0 ? sessionsThere : [...sessions.keys()];
    const session = at(all, step.pick);
    if (!session) return undefined;
    const { waitMs, deadlineMs, leaseMs, isTool, work, signal } = step;
    const holder = callers.livingAt(step.holder);
    const id = step.id === undefined ? this.play.nextId('q') : at(RUN_IDS, step.id);
    const terms = { waitMs, deadlineMs, leaseMs, isTool, owner: session.terms.owner, holder };
    const run = model.askForRun(id, session, terms, now);
    this.ask(run, work, callers.signalFor(signal, run));
    const times = `waits ${waitMs}, deadline ${deadlineMs}, lease ${leaseMs}`;
    return `run ${id} (${work}${isTool ? ', tool' : ''}) in ${session.id}, ${times}, holder ${holder}, signal ${signal}`;
  }

  settleWork(pick: number, end: 'succeeded' | 'failed'): Told {
    const { works } = this.play;
    const run = at(works.waitingOnes, pick);
    if (!run) return undefined;
    works.settle(run, end);
    return `the function of ${run.id} goes on: ${end}`;
  }

  control(order: 'cancel' | 'interrupt', pick: number): Told {
    const { model, laws, openRuns, runs } = this.play;
    const run = at(openRuns, pick) ?? at([...runs.keys()], pick);
    const handle = run && runs.get(run);
    if (!run || !handle) return undefined;
    const end = order === 'cancel' ? 'cancelled cancelled' : 'interrupted interrupted';
    model.end([run], end);
    const note = pick % 3 === 0 ? 'as ordered' : undefined;
    handle[order](note).then((outcome) => laws.told(run, outcome, true));
    return `${order} ${run.id}`;
  }

  pauseOrResume(order: 'pause' | 'resume', pick: number): Told {
    const { model, laws, runs } = this.play;
    const working = model.atWork.filter((run) => runs.has(run));
    const pausable = working.filter((run) => this.pausable.has(run));
    const run = at(pick % 4 > 0 && pausable.length > 0 ? pausable : working, pick);
    const handle = run && runs.get(run);
    if (!run || !handle) return undefined;
    const before = handle.state;
    try {
      handle[order]();
      laws.paused(run, order, before);
    } catch (fault) {
      laws.notPaused(run, before, fault);
    }
    return `${order} ${run.id}`;
  }

  endAll(pick: number, state: 'cancelled' | 'interrupted'): Told {
    const { model, laws, sessions, sessionsThere } = this.play;
    const session = at(sessionsThere, pick);
    const handle = session && sessions.get(session);
    if (!session || !handle) return undefined;
    model.end(session.runs, `${state} ${state}`);
    const all = state === 'cancelled' ? handle.cancelRuns() : handle.interruptRuns();
    const open = session.runs.filter((run) => run.isOpen);
    all.then((outcomes) => laws.allEnded(open, outcomes));
    return `all runs of ${session.id} are ${state}`;
  }

  release(pick: number): Told {
    const { model, keeper, openRuns } = this.play;
    const raws = model.raws.filter(({ state }) => state !== 'over');
    const ids = [...openRuns, ...raws].map(({ id }) => id);
    const id = at(ids, pick);
    if (id === undefined) return undefined;
    const run = model.runOf(id);
    if (run) model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'released'}`);
    void keeper.limiter.releaseRunSlot(id);
    return `release run ${id}`;
  }

  evict(pick: number): Told {
    const { model, keeper, openRuns } = this.play;
    const run = at([...model.atWork, ...openRuns], pick);
    if (!run) return undefined;
    model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'evicted'}`);
    if (run.isAtWork) run.isEvicted = true;
    void keeper.limiter.evict(run.id, 'as ordered');
    return `evict ${run.id}`;
  }

  renew(pick: number): Told {
    const { model, keeper, laws, runs, now } = this.play;
    const leased = model.atWork.filter((run) => run.isOpen && run.terms.leaseMs < Infinity);
    const run = at(leased, pick);
    const handle = run && runs.get(run);
    // What is late has run out perhaps, perhaps not.
    if (!run || !handle || run.leaseEnd <= now) return undefined;
    run.leaseSince = now;
    keeper.limiter
      .renewRunSlot(run.id, handle.token)
      .catch((fault: unknown) => laws.wrong(`${run.id} is not renewed: ${fault}`));
    return `renew ${run.id}`;
  }

  /** A function runs another in its own session. */
  runAnother({ session }: RunModel): void {
    const { model, story, now } = this.play;
    const terms = {
      waitMs: Infinity,
      deadlineMs: Infinity,
      leaseMs: Infinity,
      isTool: false,
      owner: session.terms.owner,
      holder: undefined,
    };
    const run = model.askForRun(this.play.nextId('nested'), session, terms, now);
    this.ask(run, 'value');
    story.push(`  within: run ${run.id} in ${session.id}`);
  }

  private ask(run: RunModel, work: RunStep['work'], signal?: AbortSignal): void {
    const { callers, works, sessions, refused } = this.play;
    if (work === 'pausable') this.pausable.add(run);
    const { waitMs, deadlineMs, leaseMs, isTool, holder } = run.terms;
    const asked = sessions.get(run.session)?.run(works.functionOf(run, work), {
      runId: run.id,
      waitTimeoutMs: waitMs,
      deadlineMs,
      leaseMs,
      pausable: work === 'pausable',
      ...(isTool && { kind: 'tool' }),
      ...(holder !== undefined && { holder: callers.holderAt(holder) }),
      ...(signal && { signal }),
    });
    asked?.then(
      (handle) => this.accepted(run, handle),
      (fault: unknown) => {
        run.answer = 'refused';
        refused.push({ what: run, fault });
      },
    );
  }

  private accepted(run: RunModel, handle: Run): void {
    const { laws, runs } = this.play;
    run.answer = 'accepted';
    runs.set(run, handle);
    laws.accepted(run, handle);
    handle.outcome.then((outcome) => laws.told(run, outcome));
  }
}
