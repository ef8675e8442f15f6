/**
 * How one child is started, restarted and stopped.
 *
 * A spec is plain data and outlives every incarnation of its child: what must survive a crash goes
 * into `input`, which each incarnation gets again.
 */
import type { AnyActorLogic, InputFrom } from 'xstate';
import { behaviourIn } from './gen-server.ts';
import {
  expectKnown,
  expectOption,
  invalidOption,
  isDuration,
  isOptionalBoolean,
  isOptionalName,
} from './options.ts';

/**
 * `permanent`: always restarted. `transient`: only after an abnormal end. `temporary`: never, and its
 * spec goes with it.
 */
export type Restart = 'permanent' | 'transient' | 'temporary';

/** Milliseconds for `terminate`, after which the child is killed; or at once; or for ever. */
export type Shutdown = number | 'brutal_kill' | 'infinity';

type Input<Logic extends AnyActorLogic> =
  undefined extends InputFrom<Logic>
    ? { readonly input?: InputFrom<Logic> }
    : unknown extends InputFrom<Logic>
      ? { readonly input?: unknown }
      : { readonly input: InputFrom<Logic> };

/** A child to be started: any XState logic. */
export type ChildSpec<Logic extends AnyActorLogic = AnyActorLogic> = {
  /** Unique under its supervisor. A dynamic supervisor makes one where it is absent. */
  readonly id?: string;
  readonly logic: Logic;
  /** Registered while the child runs or is being restarted. */
  readonly name?: string;
  /** Default `permanent`. */
  readonly restart?: Restart;
  /** Default 5,000 for a worker, `infinity` for a supervisor. */
  readonly shutdown?: Shutdown;
  /** Its end may end the supervisor, see `autoShutdown`. */
  readonly significant?: boolean;
  /** How long `init` may take. Default `Infinity`. */
  readonly startTimeoutMs?: number;
} & Input<Logic>;

/** A list of children whose logics are not known to the types. */
export type AnyChildren = readonly ChildSpec[];

/** A spec with every default in it. */
export interface CompleteChildSpec {
  readonly id: string;
  readonly logic: AnyActorLogic;
  readonly input: unknown;
  readonly name: string | undefined;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly significant: boolean;
  readonly startTimeoutMs: number;
  readonly type: 'worker' | 'supervisor';
}

/** OTP's default for workers: long enough to flush, short enough for an impatient operator. */
const DEFAULT_SHUTDOWN_MS = 5_000;

const FIELDS = [
  'id',
  'logic',
  'input',
  'name',
  'restart',
  'shutdown',
  'significant',
  'startTimeoutMs',
];

/** Checks a spec and fills in its defaults. Throws `invalid_option`. */
export function completeSpec(spec: ChildSpec, defaultId?: string): CompleteChildSpec {
  expectOption('spec', spec, isObject, 'a child spec');
  const { id = defaultId, logic, restart = 'permanent', startTimeoutMs = Infinity } = spec;
  const type = isLogic(logic) ? (behaviourIn(logic)?.kind ?? 'worker') : 'worker';
  const shutdown = spec.shutdown ?? (type === 'supervisor' ? 'infinity' : DEFAULT_SHUTDOWN_MS);
  expectKnown(spec, FIELDS);
  expectOption('id', id, isId, 'a non-empty string');
  expectOption('logic', logic, isLogic, 'XState actor logic');
  expectOption('name', spec.name, isOptionalName, 'a non-empty string');
  expectOption('restart', restart, isRestart, "'permanent', 'transient' or 'temporary'");
  expectOption('shutdown', shutdown, isShutdown, "milliseconds, 'brutal_kill' or 'infinity'");
  expectOption('significant', spec.significant, isOptionalBoolean, 'a boolean');
  expectOption('startTimeoutMs', startTimeoutMs, isDuration, 'milliseconds, 0 or more');
  return Object.freeze({
    id: id as string,
    logic,
    input: spec.input,
    name: spec.name,
    restart,
    shutdown,
    significant: spec.significant ?? false,
    startTimeoutMs,
    type,
  });
}

/** Refuses what OTP refuses of significant children. */
export function checkSignificant(spec: CompleteChildSpec, autoShutdown: string): void {
  if (!spec.significant) return;
  if (spec.restart === 'permanent') {
    throw invalidOption('significant', true, `false for the permanent child ${spec.id}`);
  }
  if (autoShutdown === 'never') {
    throw invalidOption('significant', true, "false while autoShutdown is 'never'");
  }
}

/** The time that a child's `terminate` gets. */
export function shutdownMs(shutdown: Shutdown): number {
  if (shutdown === 'infinity') return Infinity;
  return shutdown === 'brutal_kill' ? 0 : shutdown;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isId = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isRestart = (value: unknown): boolean =>
  value === 'permanent' || value === 'transient' || value === 'temporary';
const isShutdown = (value: unknown): boolean =>
  value === 'brutal_kill' || value === 'infinity' || isDuration(value);
const isLogic = (value: unknown): value is AnyActorLogic =>
  typeof (value as AnyActorLogic | undefined)?.transition === 'function' &&
  typeof (value as AnyActorLogic).getInitialSnapshot === 'function';
