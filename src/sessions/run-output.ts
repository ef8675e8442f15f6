/**
 * The output of a run, to its end, whoever is left to tell of it.
 */
import type { OutputOptions, OutputRecord } from '../executors/executor.ts';
import { FirstAbort, signalOf } from './first-abort.ts';

/** Whose output it is. */
export interface Printing {
  /** Its work has begun, or never will. */
  readonly whenBegun: Promise<void>;
  readonly whenOver: Promise<void>;
  readonly isEnded: boolean;
  /** What is there. Throws `no_output`. */
  printed(options: OutputOptions): AsyncIterableIterator<OutputRecord>;
}

/** Who follows it may come before it has begun. */
export async function* outputOf(
  run: Printing,
  options: OutputOptions,
): AsyncGenerator<OutputRecord> {
  const { follow, signal } = options;
  if (follow && !run.isEnded) await unlessAborted(run.whenBegun, signal);
  if (signal?.aborted) return;
  if (follow && !run.isEnded) yield* followed(run, options);
  // Of one whose end nobody saw nothing says that no more will come.
  else yield* run.printed({ ...options, follow: false });
}

/** Until the work says that it has ended, or, where nobody is left to say so, until the run is over. */
async function* followed(run: Printing, options: OutputOptions): AsyncGenerator<OutputRecord> {
  const over = signalOf(run.whenOver);
  const ending = new FirstAbort([over, options.signal ?? over]);
  let from = options.from ?? 0;
  try {
    for await (const record of run.printed({ ...options, signal: ending.signal })) {
      yield record;
      from = record.number + 1;
    }
  } finally {
    ending.leave();
  }
  if (over.aborted && !options.signal?.aborted) {
    yield* whatIsLeft(run, { ...options, from, follow: false });
  }
}

/** With the keeper it may have gone meanwhile. */
async function* whatIsLeft(run: Printing, options: OutputOptions): AsyncGenerator<OutputRecord> {
  try {
    yield* run.printed(options);
  } catch (fault) {
    if ((fault as { code?: unknown }).code !== 'no_output') throw fault;
  }
}

/** Resolves with the event, or when the signal aborts. */
function unlessAborted(event: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return event;
  return new FirstAbort([signalOf(event), signal]).whenAborted;
}
