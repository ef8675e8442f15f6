/**
 * Whether somebody on the other end of a socket has fallen silent.
 *
 * Silence is counted in ticks of this process's own timer, never by comparing times: a machine that was suspended,
 * or a process that itself stood still for an hour, has ticked once when it wakes, and between two ticks whatever
 * was said meanwhile is read. So only somebody who says nothing while this process lives and listens is silent.
 */

/** Whom it asks, and who is told. */
export interface SilenceOptions {
  /** Milliseconds. */
  readonly everyMs: number;
  /** He is asked to say something. */
  ask(): void;
  /** So many ticks in a row he has said nothing. True ends the watch. */
  silentFor(ticks: number): boolean;
}

export class Silence {
  private readonly options: SilenceOptions;
  private readonly timer: NodeJS.Timeout;
  private ticks = 0;

  constructor(options: SilenceOptions) {
    this.options = options;
    // Whoever waits for him has the socket to wait on.
    this.timer = setInterval(() => this.tick(), options.everyMs).unref();
  }

  /** He has said something. */
  broken(): void {
    this.ticks = 0;
  }

  end(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    if (this.ticks > 0 && this.options.silentFor(this.ticks)) this.end();
    else {
      this.ticks += 1;
      this.options.ask();
    }
  }
}
