/**
 * What survives the limiter's actor. The start function makes it and puts it into the child spec, where
 * the supervisor keeps it; each incarnation of the actor finds it there and goes on.
 */
import type { Journal, LimitsChange } from '../journal/journal.ts';
import type { EventChannel } from '../otp/event-channel.ts';
import type { Clock, Logger } from '../otp/index.ts';
import { type Fairness, type Limits, SlotTables } from '../slots/index.ts';
import { Batch } from './batch.ts';
import { clockJumped } from './channels.ts';
import { Desk } from './desk.ts';
import { Drains } from './drains.ts';
import { EventStreams } from './event-streams.ts';
import { examplesFor } from './examples.ts';
import type { FaultPoints } from './fault-points.ts';
import { HandleTraces } from './handle-traces.ts';
import { HoldTimes } from './hold-times.ts';
import { Holders } from './holder.ts';
import { Leases } from './leases.ts';
import type { PortDesk } from './port-desk.ts';
import { runIds } from './run-ids.ts';
import { StatusPage } from './status-page.ts';
import { Storage } from './storage.ts';
import type { TokenSource } from './token-source.ts';
import { WaitingOrders } from './waiting-orders.ts';

export interface SurvivorsOptions {
  readonly limits: Limits;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly callTimeoutMs: number;
  readonly faultPoints: FaultPoints | undefined;
  readonly fairness: Fairness;
  readonly traceHandles: boolean;
}

export class Survivors {
  readonly tables: SlotTables;
  readonly batch = new Batch();
  readonly page = new StatusPage();
  readonly desk: Desk;
  readonly storage: Storage;
  /** Whether what is granted is written down; each turn is a batch then. */
  readonly isDurable: boolean;
  readonly tokens: TokenSource;
  readonly clock: Clock;
  readonly holders: Holders;
  readonly leases: Leases;
  readonly drains: Drains;
  readonly waitingOrders = new WaitingOrders();
  readonly holdTimes = new HoldTimes();
  readonly streams = new EventStreams();
  /** Ports to clients in other threads. */
  readonly ports = new Set<PortDesk>();
  /** Made where handles are traced. */
  readonly traces: HandleTraces | undefined;
  /** Kept for the compiler's sake. */
  readonly examples: readonly object[];
  /** Of the last change of the limits, frozen; `undefined` when they were never changed. */
  limitsChange: LimitsChange | undefined = undefined;
  faultPoints: FaultPoints | undefined;
  /** Whether an incarnation serves. */
  mode: 'recovering' | 'accepting' | 'stopped' = 'recovering';
  /** Incarnations that have ended. */
  restarts = -1;

  constructor(options: SurvivorsOptions) {
    this.tables = new SlotTables(options.limits, runIds, options.fairness, randomSeed());
    this.isDurable = options.journal.isDurable;
    this.clock = options.clock;
    this.faultPoints = options.faultPoints;
    this.desk = new Desk(this.tables, this.batch, this.clock, options.callTimeoutMs);
    this.holders = new Holders((holder) => this.desk.holderDown(holder));
    this.leases = new Leases(this.clock, {
      sweep: () => this.desk.sweep(),
      jumped: (jump) => this.publishEvent(clockJumped, jump),
    });
    this.storage = new Storage({
      journal: options.journal,
      clock: this.clock,
      logger: options.logger,
      askForTurn: () => this.desk.examineStorage(),
    });
    this.tokens = this.storage.tokens;
    this.drains = new Drains(this.clock);
    this.traces = options.traceHandles ? new HandleTraces(this) : undefined;
    this.examples = examplesFor(this.desk);
  }

  get tracesHandles(): boolean {
    return this.traces !== undefined;
  }

  /** Whether anybody hears the events of a channel. */
  isHeard(channel: { readonly hasSubscribers: boolean }): boolean {
    return channel.hasSubscribers || this.streams.areRead;
  }

  /** Tells an event to all who hear it. */
  readonly publishEvent = <Event extends object>(
    channel: EventChannel<Event>,
    event: Event,
  ): void => {
    if (channel.hasSubscribers) channel.publish(event);
    if (this.streams.areRead) this.streams.publish(channel, event);
  };

  /** The limits are changed in this batch. */
  limitsChangedBy(by: string | undefined): void {
    this.tables.undo.add(this.undoLimitsChange, this.limitsChange);
    this.limitsChange = Object.freeze({ at: Math.round(this.clock.now()), by });
  }

  private readonly undoLimitsChange = (before: LimitsChange | undefined): void => {
    this.limitsChange = before;
  };

  /** The wall time of a monotonic one, in whole milliseconds. */
  wallTimeOf(monotonic: number): number {
    return Math.round(this.clock.now() - (this.clock.monotonicNow() - monotonic));
  }

  /** Monotonic milliseconds, whole: for what is written down of each slot. */
  get now(): number {
    return Math.trunc(this.clock.recentNow?.() ?? this.clock.monotonicNow());
  }
}

function randomSeed(): number | undefined {
  return crypto.getRandomValues(new Int32Array(1))[0];
}
