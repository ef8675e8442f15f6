/**
 * Starts a limiter: alone under a supervisor of its own, or with the whole keeper.
 */
import type { SlotkeeperError } from '../src/fault.ts';
import type { DurableJournal, Journal, Recovered } from '../src/journal/journal.ts';
import { memoryJournal } from '../src/journal/memory-journal.ts';
import { close, stopped } from '../src/limiter/closing.ts';
import { ConcurrencyLimiter } from '../src/limiter/limiter.ts';
import {
  type CheckedOptions,
  checkedOptions,
  type LimiterOptions,
} from '../src/limiter/limiter-options.ts';
import { type Adopt, recoverFrom } from '../src/limiter/recovery.ts';
import { Survivors } from '../src/limiter/survivors.ts';
import {
  type AnyChildren,
  type ExitReason,
  Registry,
  type ServerRef,
  whichChildren,
} from '../src/otp/index.ts';
import { serverDown } from '../src/otp/server-faults.ts';
import { limiterChild } from './limiter-child.ts';
import { startTree, type Tree } from './start-tree.ts';

/** A limiter that runs alone, and so can be stopped. */
export class StandaloneLimiter extends ConcurrencyLimiter {
  private readonly tree: Tree;

  constructor(survivors: Survivors, tree: Tree) {
    super(survivors);
    this.tree = tree;
  }

  /** Ends every slot as `stopped` and rejects who waits with `stopped`. Again is a no-op. */
  stop(): Promise<void> {
    return this.tree.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.tree.stop();
  }
}

/**
 * Starts the limiter under a small supervisor of its own. Rejects with `invalid_option`, which names the
 * option, the value and what is expected; where a journal is on disk also with `journal_in_use`,
 * `journal_corrupt`, `journal_schema_unsupported`, `journal_unavailable`.
 */
export async function startConcurrencyLimiter(
  options: LimiterOptions = {},
): Promise<StandaloneLimiter> {
  const { survivors, tree } = await startLimiterTree(options);
  return new StandaloneLimiter(survivors, tree);
}

export interface LimiterTree {
  readonly survivors: Survivors;
  /** What the journal has found, where there is one on disk. */
  readonly recovered: Recovered | undefined;
  readonly tree: Tree;
  /** Of the children that stand beside the limiter. */
  readonly others: readonly ServerRef[];
  readonly options: CheckedOptions;
}

/** The tree that holds the limiter, what survives its crashes, and what stands on it. */
export async function startLimiterTree(
  options: LimiterOptions,
  others: AnyChildren = [],
  adopt: Adopt = () => 'gone',
): Promise<LimiterTree> {
  const checked = checkedOptions(options);
  const journal = await openJournal(checked);
  try {
    const survivors = new Survivors({ ...checked, journal });
    const { journal: durable } = survivors.storage;
    const recovered = durable && recoverFrom(survivors, durable, adopt);
    const running = await startOver(survivors, checked, others);
    return { survivors, recovered, ...running, options: checked };
  } catch (fault) {
    if (isDurable(journal)) journal.close();
    throw fault;
  }
}

/** The driver is loaded where a file is kept, and only there. */
async function openJournal({ journal, retention }: CheckedOptions): Promise<Journal> {
  if (journal === 'memory') return memoryJournal;
  if ('commit' in journal) return journal;
  const { openSqliteJournal } = await import('../src/journal/sqlite-journal.ts');
  return openSqliteJournal({ ...journal, retention });
}

function isDurable(journal: Journal): journal is DurableJournal {
  return journal.isDurable;
}

async function startOver(survivors: Survivors, options: CheckedOptions, others: AnyChildren) {
  const { clock, logger, restartIntensity, inspect } = options;
  const tree = await startTree([limiterChild(survivors), ...others], {
    clock,
    logger,
    restartIntensity,
    // Two limiters in one process have nothing to do with each other.
    registry: new Registry(),
    ...(inspect && { inspect }),
    // The limiter keeps its slots over a crash, so nobody who stands on it has to go down with it.
    strategy: 'one_for_one',
  });
  const [child, ...rest] = await whichChildren(tree.supervisor);
  if (child?.ref) survivors.desk.openFor(child.ref);
  survivors.storage.open();
  tree.ended.then((reason) => close(survivors, endOf(reason)));
  return { tree, others: rest.map(({ ref }) => ref) };
}

/** What callers are told: that it was stopped, or that its supervisor has given up. */
function endOf(reason: ExitReason): () => SlotkeeperError {
  return reason === 'shutdown' ? stopped : () => serverDown('limiter', reason);
}
