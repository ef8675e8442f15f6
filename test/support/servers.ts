/**
 * Fixtures that the conformance suite shares: a server that does what each message tells it, a logger
 * that remembers, and ways to await what happens to servers.
 */
import {
  type AnyRef,
  type CallResult,
  type CastResult,
  type ExitReason,
  type From,
  fromGenServer,
  type GenServerDefinition,
  type GenServerLogic,
  type Logger,
  monitor,
  noReply,
  Registry,
  ready,
  reply,
  type ServerContext,
  type ServerRef,
  SlotkeeperError,
} from '../../src/index.ts';
import { SimulatedClock } from '../../src/testing.ts';

/** What a puppet's state is: what it was told to note. */
export type Notes = readonly string[];

type Awaitable<Result> = Result | PromiseLike<Result>;
type Answer = Awaitable<CastResult<Notes>>;
type Work = { readonly work: (notes: Notes, context: ServerContext<Puppet>) => Answer };
type CallWork = {
  readonly work: (
    notes: Notes,
    from: From<unknown>,
    context: ServerContext<Puppet>,
  ) => Awaitable<CallResult<unknown, Notes>>;
};
type Note = { readonly text: string };

/** `perform` does the work that the message carries; `note` writes a text into the state. */
export interface Puppet {
  state: Notes;
  calls: { perform(request: CallWork): unknown; note(request: Note): Notes; read(): Notes };
  casts: { perform(request: Work): void; note(request: Note): void };
  infos: { perform(message: Work): void; note(message: Note): void };
  continues: { perform(continuation: Work): void; note(continuation: Note): void };
}

/** What a puppet does with casts, infos and continuations. */
export const puppetClauses = {
  perform: ({ work }: Work, notes: Notes, context: ServerContext<Puppet>): Answer =>
    work(notes, context),
  note: ({ text }: Note, notes: Notes): Answer => noReply([...notes, text]),
};

/** A server that does what each message tells it; `overrides` are callbacks and settings of a test. */
export function puppet(
  overrides: Partial<GenServerDefinition<Puppet>> = {},
): GenServerLogic<Puppet> {
  return fromGenServer<Puppet>({
    init: () => ready([]),
    handleCall: {
      perform: ({ work }, notes, from, context) => work(notes, from, context),
      note: ({ text }, notes) => reply([...notes, text], [...notes, text]),
      read: (_request, notes) => reply(notes, notes),
    },
    handleCast: puppetClauses,
    handleInfo: puppetClauses,
    handleContinue: puppetClauses,
    ...overrides,
  });
}

/** The state of a puppet, read without a message. */
export function notesOf(ref: ServerRef<Puppet>): unknown {
  return ref.actor?.getSnapshot().context;
}

/** One line of a log. */
export interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message });
  };
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** A clock, a registry and a logger of a test's own, to be given to `startServer`. */
export interface Surroundings {
  readonly clock: SimulatedClock;
  readonly registry: Registry;
  readonly logger: Logger & { readonly lines: Line[] };
}

export function surroundings(): Surroundings {
  return { clock: new SimulatedClock(), registry: new Registry(), logger: recordingLogger() };
}

/** What servers have left behind: names that are held, and timers that keep the process alive. */
export function remains({ clock, registry }: Surroundings): { names: string[]; timers: number } {
  return { names: registry.names(), timers: clock.pendingTimers };
}

export const NOTHING = { names: [], timers: 0 };

/** A promise that the test resolves or rejects. */
export interface Gate<Value> {
  readonly opened: Promise<Value>;
  open(value: Value): void;
  fail(error: unknown): void;
}

export function gate<Value = void>(): Gate<Value> {
  let open: (value: Value) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const opened = new Promise<Value>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { opened, open, fail };
}

/** The coded fault that a promise is rejected with. Take it before anything can reject. */
export async function faultOf(promise: Promise<unknown>): Promise<SlotkeeperError> {
  const outcome = await promise.then(
    (value) => new Error(`Expected a fault, but it resolved with ${String(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof SlotkeeperError) return outcome;
  throw outcome;
}

/** Why a server has ended, once it has. */
export function endOf(ref: AnyRef): Promise<ExitReason> {
  return new Promise((resolve) => {
    monitor(ref, (down) => resolve(down.reason));
  });
}

/** Whether a promise has settled by now; for what must still be pending. */
export function watch(promise: Promise<unknown>): { readonly isSettled: boolean } {
  const watched = { isSettled: false };
  const settled = (): void => {
    watched.isSettled = true;
  };
  promise.then(settled, settled);
  return watched;
}
