/**
 * Who asks for sessions and runs in a history: the holders that they hang on, and the signals that withdraw
 * them.
 */
import { HOLDERS, type Living } from './holders.ts';
import type { RunModel } from './sessions-model.ts';
import type { SessionsPlay, Told } from './sessions-play.ts';
import { at, LIVING_HOLDERS, type SignalUse } from './sessions-steps.ts';

/** With these, the first three holders are a signal, a server and an actor. */
const FIRST_KIND = 7;
const KIND_STEP = 3;

const UNWANTED = new Error('the caller wants it no more');

/** A signal, and who is tied to it. */
interface Cancellation {
  readonly controller: AbortController;
  readonly runs: RunModel[];
}

export class Callers {
  /** The numbers of those that went down. */
  readonly down = new Set<number>();
  private readonly play: SessionsPlay;
  private readonly holders: Living[] = [];
  private readonly living: number[] = [];
  private cancellations: Cancellation[] = [];
  private shared: Cancellation = { controller: new AbortController(), runs: [] };

  constructor(play: SessionsPlay) {
    this.play = play;
  }

  async start(): Promise<void> {
    for (let place = 0; place < LIVING_HOLDERS; place += 1) await this.addHolder(place);
  }

  async end(): Promise<void> {
    for (const number of this.living) await this.holders[number]?.end();
  }

  /** The number of the holder that lives at this place. */
  livingAt(place: number | undefined): number | undefined {
    return place === undefined ? undefined : this.living[place];
  }

  holderAt(number: number): Living['holder'] {
    const living = this.holders[number];
    if (!living) throw new Error(`Expected a holder ${number}`);
    return living.holder;
  }

  /** A signal, if it is to be one; with a run, that one is tied to it. */
  signalFor(use: SignalUse, run?: RunModel): AbortSignal | undefined {
    if (use === 'none') return undefined;
    const own = { controller: new AbortController(), runs: [] };
    const cancellation = use === 'shared' ? this.shared : own;
    if (!this.cancellations.includes(cancellation)) this.cancellations.push(cancellation);
    if (run) cancellation.runs.push(run);
    return cancellation.controller.signal;
  }

  abort(pick: number): Told {
    const cancellation = at(this.cancellations, pick);
    if (!cancellation) return undefined;
    if (cancellation === this.shared) this.shared = { controller: new AbortController(), runs: [] };
    this.cancellations = this.cancellations.filter((one) => one !== cancellation);
    this.play.model.end(cancellation.runs, 'cancelled aborted');
    cancellation.controller.abort(UNWANTED);
    return `a signal aborts: ${cancellation.runs.map(({ id }) => id)}`;
  }

  async holderDown(pick: number): Promise<string> {
    const { model, openRuns } = this.play;
    const place = pick % LIVING_HOLDERS;
    const number = this.living[place] ?? 0;
    this.down.add(number);
    for (const run of openRuns.filter(({ terms }) => terms.holder === number)) {
      model.end([run], `cancelled ${run.isWaiting ? 'withdrawn' : 'holder_down'}`);
    }
    for (const session of model.sessions) {
      if (model.holderOf(session) === number) model.close(session, 'released');
    }
    await this.holders[number]?.end();
    await this.addHolder(place);
    return `holder ${number} goes down`;
  }

  private async addHolder(place: number): Promise<void> {
    const number = this.holders.length;
    const kind = (FIRST_KIND + number * KIND_STEP) % HOLDERS.length;
    for (const [, start] of HOLDERS.slice(kind, kind + 1)) this.holders.push(await start());
    this.living[place] = number;
  }
}
