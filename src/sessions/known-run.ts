/**
 * What stands behind a `Run`: a run of this process (`run-core.ts`), or one that had ended before this process
 * began (`past-run.ts`).
 */
import type { ControlOperation, ControlRecord } from './history.ts';
import type { RunOutcome, RunState, Stop } from './outcome.ts';
import type { RunOptions } from './run-options.ts';
import type { Printing } from './run-output.ts';
import type { KnownTimes } from './run-times.ts';
import type { SessionCore } from './session-core.ts';

export interface KnownRun extends Printing {
  readonly id: string;
  readonly sessionId: string;
  readonly owner: string | undefined;
  readonly options: Pick<RunOptions, 'kind' | 'labels'>;
  readonly state: RunState;
  readonly isPaused: boolean;
  /** Of its slot; 0 before it has one. */
  readonly token: number;
  readonly times: KnownTimes;
  readonly history: { readonly records: readonly ControlRecord[] };
  readonly outcome: { readonly promise: Promise<RunOutcome> };
  /** Whether it is a run of this very session; another one may have had the same id. */
  isOf(session: SessionCore): boolean;
  control(operation: ControlOperation, stop: Stop): void;
  pause(): void;
  resume(): void;
}
