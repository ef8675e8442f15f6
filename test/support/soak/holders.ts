/**
 * Holders in this thread: servers under a supervisor, XState actors, signals. When one has died another
 * takes its place: the next incarnation of the server, a new actor, a new signal.
 */
import {
  cast,
  exit,
  fromGenServer,
  Registry,
  ready,
  type ServerRef,
  type SupervisorRef,
  startServer,
  stopServer,
  supervisor,
  whichChildren,
} from 'slotkeeper';
import type { SimulatedClock } from 'slotkeeper/testing';
import { createActor, fromPromise } from 'xstate';
import type { Chance } from './chance.ts';
import { Mortal } from './mortal.ts';
import type { Signals } from './signals.ts';

interface Fragile {
  state: null;
  casts: { fail(): void };
}

const fragile = fromGenServer<Fragile>({
  init: () => ready(null),
  handleCast: {
    fail() {
      throw new Error('a holder crashes, as ordered');
    },
  },
});

const SERVERS = 6;
const ACTORS = 4;
const SIGNALS = 8;

export class Holders {
  private readonly root: SupervisorRef;
  private readonly signals: Signals;
  private readonly chance: Chance;
  /** Each with what makes the next one. */
  private places: { mortal: Mortal; readonly next: () => Mortal }[] = [];

  static async start(clock: SimulatedClock, signals: Signals, chance: Chance): Promise<Holders> {
    const children = Array.from({ length: SERVERS }, (_, index) => {
      const id = `holder-${index + 1}`;
      return { id, name: id, logic: fragile, restart: 'permanent' as const };
    });
    const tree = supervisor({
      strategy: 'one_for_one',
      restartIntensity: { restarts: 1_000_000, withinMs: 1 },
      children,
    });
    const root = await startServer(tree, { clock, registry: new Registry() });
    const refs = (await whichChildren(root)).flatMap(({ ref }) => (ref ? [ref] : []));
    return new Holders(root, refs, signals, chance);
  }

  private constructor(
    root: SupervisorRef,
    refs: readonly unknown[],
    signals: Signals,
    chance: Chance,
  ) {
    this.root = root;
    this.signals = signals;
    this.chance = chance;
    for (const ref of refs) this.place(() => this.server(ref as ServerRef<Fragile>)); // as started
    for (let actor = 0; actor < ACTORS; actor += 1) this.place(() => this.actor());
    for (let signal = 0; signal < SIGNALS; signal += 1) this.place(() => this.signal());
  }

  get living(): Mortal[] {
    return this.places.map(({ mortal }) => mortal).filter(({ isAlive }) => isAlive);
  }

  /** Others take the places of those who have died. */
  replace(): void {
    for (const place of this.places) if (!place.mortal.isAlive) place.mortal = place.next();
  }

  stop(): Promise<void> {
    return stopServer(this.root, 'shutdown');
  }

  private place(next: () => Mortal): void {
    this.places.push({ mortal: next(), next });
  }

  private server(ref: ServerRef<Fragile>): Mortal {
    const ways = [
      { name: 'server that crashes', end: () => cast(ref, { type: 'fail' }) },
      { name: 'server that is told to crash', end: () => exit(ref, new Error('as ordered')) },
      { name: 'server that shuts down', end: () => exit(ref, 'shutdown') },
      { name: 'server that is killed', end: () => exit(ref, 'kill') },
    ] as const;
    const { name, end } = this.chance.pick(ways);
    return new Mortal(name, end, ref, ref.name);
  }

  private actor(): Mortal {
    let finish: () => void = () => {};
    let fail: (error: Error) => void = () => {};
    const work = new Promise<void>((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
    const ref = createActor(fromPromise(() => work));
    // XState reports a failure that nobody listens for as an uncaught exception.
    ref.subscribe({ error: () => {} });
    ref.start();
    const ways = [
      { name: 'actor that is done', end: () => finish() },
      { name: 'actor that fails', end: () => fail(new Error('as ordered')) },
      { name: 'actor that is stopped', end: () => ref.stop() },
    ] as const;
    const { name, end } = this.chance.pick(ways);
    return new Mortal(name, end, ref, ref.id);
  }

  private signal(): Mortal {
    const signal = this.signals.make();
    return new Mortal('signal that aborts', () => this.signals.abort(signal), signal);
  }
}
