/**
 * A limiter on a real file, whose storage can be broken and mended.
 */
import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type JournalReport, readJournal } from '../../src/journal/journal-reader.ts';
import type { Connection } from '../../src/journal/sqlite-connection.ts';
import { openSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import {
  type EventRecorder,
  type FaultPoints,
  recordEvents,
  SimulatedClock,
  settle,
} from '../../src/testing.ts';
import { type Limiter, start } from './callers.ts';
import { freshFolder } from './journal-places.ts';

const LIMITS = { maxParallelSessions: 2, maxParallelRuns: 2 };
const MANY_RESTARTS = { restarts: 1_000, withinMs: 5_000 };

export interface StageOptions {
  readonly folder?: string;
  readonly limits?: typeof LIMITS;
  readonly faultPoints?: FaultPoints;
}

export class StorageStage {
  readonly path: string;
  readonly clock = new SimulatedClock();
  readonly events: EventRecorder = recordEvents(['storage_degraded', 'storage_recovered']);
  journal!: SqliteJournal; // `open` sets both before it gives the stage out
  limiter!: Limiter;
  private readonly options: StageOptions;

  private constructor(options: StageOptions) {
    this.options = options;
    this.path = join(options.folder ?? freshFolder(), 'journal.db');
  }

  static async open(options: StageOptions = {}): Promise<StorageStage> {
    const stage = new StorageStage(options);
    await stage.start();
    return stage;
  }

  /** The next keeper of the same file. */
  async start(): Promise<void> {
    const { limits = LIMITS, faultPoints } = this.options;
    this.journal = openSqliteJournal({ path: this.path });
    this.limiter = await start(limits, {
      clock: this.clock,
      journal: this.journal,
      restartIntensity: MANY_RESTARTS,
      ...(faultPoints && { faultPoints }),
    });
  }

  /** The connection that writes. */
  get connection(): Connection {
    return Reflect.get(this.journal, 'connection') as Connection; // while it is open
  }

  get told(): string[] {
    return this.events.events.map(({ type }) => type);
  }

  /** What the file says now. */
  read(): JournalReport {
    return readJournal(this.path);
  }

  /** Ids of the runs that are held, as the file says. */
  get runsInFile(): (string | null)[] {
    return this.read().runs.map(({ runId }) => runId);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.limiter.stop();
    this.events.stop();
  }
}

/** A way in which the storage fails and is mended. What fails when it is looked for has been looked for. */
export interface Failure {
  readonly name: string;
  break(stage: StorageStage): Promise<void>;
  mend(stage: StorageStage): void;
}

/** The limiter looks each second. */
const LOOKED_MS = 1_000;

const away = (path: string) => join(dirname(path), 'away', 'journal.db');

function moveAway(path: string, endings: readonly string[]): void {
  mkdirSync(dirname(away(path)), { recursive: true });
  for (const ending of endings) renameSync(`${path}${ending}`, `${away(path)}${ending}`);
}

function moveBack(path: string, endings: readonly string[]): void {
  for (const ending of endings) renameSync(`${away(path)}${ending}`, `${path}${ending}`);
}

const ALL = ['', '-wal', '-shm'];

export const FAILURES: readonly Failure[] = [
  {
    name: 'a file that takes nothing',
    async break({ connection }) {
      connection.pragma('query_only = ON');
    },
    mend: ({ connection }) => void connection.pragma('query_only = OFF'),
  },
  {
    name: 'a file that is moved away, and put back',
    async break(stage) {
      moveAway(stage.path, ['']);
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => moveBack(path, ['']),
  },
  {
    name: 'a file that is moved away with all beside it, and put back',
    async break(stage) {
      moveAway(stage.path, ALL);
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => moveBack(path, ALL),
  },
  {
    name: 'a file that is moved away with all beside it, and put back alone',
    async break(stage) {
      moveAway(stage.path, ALL);
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => moveBack(path, ['']),
  },
  {
    name: 'a file that is deleted, and put back from another name it had',
    async break(stage) {
      mkdirSync(dirname(away(stage.path)));
      linkSync(stage.path, away(stage.path));
      rmSync(stage.path);
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => moveBack(path, ['']),
  },
  {
    name: 'a file that is replaced, and put back',
    async break(stage) {
      moveAway(stage.path, ['']);
      writeFileSync(stage.path, 'of somebody else');
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => moveBack(path, ['']),
  },
  {
    name: "a log that is somebody else's, and removed",
    async break(stage) {
      rmSync(`${stage.path}-wal`);
      writeFileSync(`${stage.path}-wal`, 'of somebody else');
      await stage.advance(LOOKED_MS);
    },
    mend: ({ path }) => existsSync(`${path}-wal`) && rmSync(`${path}-wal`),
  },
];
