/**
 * A server's definition made ready for the engine: clauses by type, settings with their defaults.
 */
import type { GenServerCallbacks, GenServerDefinition } from './callbacks.ts';
import { DEFAULT_MAILBOX_LIMIT } from './mailbox.ts';
import { expectKnown, expectOption, isCount, isFunction, isOptionalBoolean } from './options.ts';
import type { ServerTypes } from './server-types.ts';

/** A callback as the engine calls it. Its types were checked where it was written. */
export type Clause = (...parameters: unknown[]) => unknown;
export type Clauses = ReadonlyMap<string, Clause>;

export interface Behaviour {
  readonly kind: 'worker' | 'supervisor';
  readonly callbacks: GenServerCallbacks<ServerTypes>;
  readonly calls: Clauses;
  readonly casts: Clauses;
  readonly infos: Clauses;
  readonly continues: Clauses;
  readonly mailboxLimit: number;
  readonly beginsAtOnce: boolean;
  /** `undefined` when nothing is: the usual case, and cheaper to look at. */
  readonly uncancellable: ReadonlySet<string> | undefined;
  readonly trapsExits: boolean;
}

const CALLBACKS_AND_SETTINGS = [
  'init',
  'handleCall',
  'handleCast',
  'handleInfo',
  'handleContinue',
  'handleReplies',
  'terminate',
  'formatStatus',
  'mailboxLimit',
  'turnStart',
  'uncancellable',
  'trapExit',
];

/** Checks the settings and sorts the clauses. Throws `invalid_option`. */
export function behaviourOf<T extends ServerTypes>(
  definition: GenServerDefinition<T>,
  kind: Behaviour['kind'],
): Behaviour {
  const { mailboxLimit = DEFAULT_MAILBOX_LIMIT, turnStart = 'at_once' } = definition;
  expectKnown(definition, CALLBACKS_AND_SETTINGS);
  expectOption('init', definition.init, isFunction, 'a function');
  expectOption('mailboxLimit', mailboxLimit, isCount, 'a positive integer or Infinity');
  expectOption('turnStart', turnStart, isTurnStart, "'at_once' or 'microtask'");
  expectOption('trapExit', definition.trapExit, isOptionalBoolean, 'a boolean');
  return {
    kind,
    callbacks: definition as unknown as GenServerCallbacks<ServerTypes>,
    calls: clauses('handleCall', definition.handleCall),
    casts: clauses('handleCast', definition.handleCast),
    infos: clauses('handleInfo', definition.handleInfo),
    continues: clauses('handleContinue', definition.handleContinue),
    mailboxLimit,
    beginsAtOnce: turnStart === 'at_once',
    uncancellable: definition.uncancellable?.length
      ? new Set<string>(definition.uncancellable)
      : undefined,
    trapsExits: definition.trapExit ?? false,
  };
}

/** A Map, because a plain object would find `constructor` and its like. */
function clauses(callback: string, functions: object | undefined): Clauses {
  const entries = Object.entries(functions ?? {});
  for (const [type, clause] of entries) {
    expectOption(`${callback}.${type}`, clause, isFunction, 'a function');
  }
  return new Map(entries as [string, Clause][]);
}

function isTurnStart(value: unknown): boolean {
  return value === 'at_once' || value === 'microtask';
}
