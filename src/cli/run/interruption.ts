/**
 * The signals that end `run`: the first lets end what is at work, the second ends that too.
 */

/** What shells report of a process that a signal has ended: 128 and its number. */
const EXIT_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

type EndingSignal = keyof typeof EXIT_STATUS;

export class Interruption {
  /** The exit status that goes with the first of them; `undefined` when there was none. */
  exitStatus: number | undefined = undefined;
  private readonly steps: { readonly first: () => void; readonly second: () => void };

  constructor(steps: { readonly first: () => void; readonly second: () => void }) {
    this.steps = steps;
    for (const signal of Object.keys(EXIT_STATUS)) process.on(signal, this.came);
  }

  end(): void {
    for (const signal of Object.keys(EXIT_STATUS)) process.off(signal, this.came);
  }

  private readonly came = (signal: EndingSignal): void => {
    const isFirst = this.exitStatus === undefined;
    this.exitStatus ??= EXIT_STATUS[signal];
    if (isFirst) this.steps.first();
    else this.steps.second();
  };
}
