/**
 * What survives the limiter's actor. The start function makes it and puts it into the child spec, where
 * the supervisor keeps it; each incarnation of the actor finds it there and goes on.
 */
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../otp/index.ts';
import { type Limits, SlotTables } from '../slots/index.ts';
import { Batch } from './batch.ts';
import { Desk } from './desk.ts';
import type { FaultPoints } from './fault-points.ts';
import { runIds } from './run-ids.ts';
import { StatusPage } from './status-page.ts';

export interface SurvivorsOptions {
  readonly limits: Limits;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly callTimeoutMs: number;
  readonly faultPoints: FaultPoints | undefined;
}

export class Survivors {
  readonly tables: SlotTables;
  readonly batch = new Batch();
  readonly page = new StatusPage();
  readonly desk: Desk;
  readonly journal: Journal;
  readonly clock: Clock;
  faultPoints: FaultPoints | undefined;
  /** Incarnations that have ended. */
  restarts = -1;

  constructor(options: SurvivorsOptions) {
    this.tables = new SlotTables(options.limits, runIds);
    this.journal = options.journal;
    this.clock = options.clock;
    this.faultPoints = options.faultPoints;
    this.desk = new Desk(this.tables, this.batch, this.clock, options.callTimeoutMs);
  }

  /** Monotonic milliseconds, whole: for what is written down of each slot. */
  get now(): number {
    return Math.trunc(this.clock.recentNow?.() ?? this.clock.monotonicNow());
  }
}
