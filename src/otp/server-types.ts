/**
 * The types of one server, in one interface, from which everything else is inferred.
 *
 *     interface Counter {
 *       input: number;
 *       state: { count: number };
 *       calls: { read(): number; add(request: { by: number }): number };
 *       casts: { reset(): void };
 *       infos: { tick(): void };
 *     }
 *
 * Each operation is written as a function: its parameter is what the message carries besides its
 * `type`, its result is the reply. So `call(counter, { type: 'add', by: 2 })` is a `Promise<number>`,
 * and a request that is not there, or carries the wrong thing, does not compile.
 */

/** Operations of one sort. The payload is an object; its fields stand beside `type`. */
export type Operations = Record<string, (payload: never) => unknown>;

/** What a server's interface may declare. Only `state` is required. */
export interface ServerTypes {
  /** What `init` gets. */
  input?: unknown;
  state: unknown;
  calls?: Operations;
  casts?: Operations;
  infos?: Operations;
  continues?: Operations;
}

type None = Record<never, never>;
type Sort<T, Key extends string> = T extends Record<Key, infer Declared> ? Declared : None;
type Payload<Operation> = Operation extends (payload: infer Carried) => unknown
  ? unknown extends Carried
    ? None
    : Carried
  : None;
type Tagged<Ops, Key extends keyof Ops> = { readonly type: Key } & Payload<Ops[Key]>;

export type InputOf<T> = T extends { input: infer Input } ? Input : undefined;
export type StateOf<T extends ServerTypes> = T['state'];

export type CallsOf<T> = Sort<T, 'calls'>;
export type CallType<T> = keyof CallsOf<T> & string;
/** The request of a call, as it is sent. */
export type CallRequest<T, Key extends CallType<T> = CallType<T>> = {
  [K in Key]: Tagged<CallsOf<T>, K>;
}[Key];
/** What a call is answered with. */
export type CallReply<T, Key extends CallType<T>> = CallsOf<T>[Key] extends (
  ...payload: never
) => infer Reply
  ? Reply
  : never;

export type CastsOf<T> = Sort<T, 'casts'>;
export type CastType<T> = keyof CastsOf<T> & string;
export type CastRequest<T, Key extends CastType<T> = CastType<T>> = {
  [K in Key]: Tagged<CastsOf<T>, K>;
}[Key];

export type InfosOf<T> = Sort<T, 'infos'>;
export type InfoType<T> = keyof InfosOf<T> & string;
export type InfoMessage<T, Key extends InfoType<T> = InfoType<T>> = {
  [K in Key]: Tagged<InfosOf<T>, K>;
}[Key];

export type ContinuesOf<T> = Sort<T, 'continues'>;
export type ContinueType<T> = keyof ContinuesOf<T> & string;
export type Continuation<T, Key extends ContinueType<T> = ContinueType<T>> = {
  [K in Key]: Tagged<ContinuesOf<T>, K>;
}[Key];
