/**
 * What the compiler holds: `tsc -p tsconfig.json` fails when a misuse below compiles, or when something
 * is inferred otherwise than stated. Nothing here is run.
 */
import { createActor, fromCallback, fromPromise } from 'xstate';
import {
  type CallClauses,
  type ChildInfo,
  call,
  cast,
  continueWith,
  type DynamicSupervisorTypes,
  deferReply,
  dynamicSupervisor,
  type From,
  fromGenServer,
  type GenServerLogic,
  ignore,
  info,
  noReply,
  ready,
  rejectTo,
  rejectWith,
  reply,
  replyTo,
  restartChild,
  type ServerRef,
  type SupervisorRef,
  type SupervisorTypes,
  startChild,
  startServer,
  stop,
  supervisor,
  sys,
  terminateChild,
  timeoutAfter,
  whichChildren,
} from '../../src/index.ts';

type Equal<One, Other> =
  (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
type Expect<Truth extends true> = Truth;

interface Book {
  readonly title: string;
}

interface Shelf {
  input: { readonly room: number };
  state: { readonly room: number; readonly books: readonly Book[] };
  calls: {
    count(): number;
    find(request: { readonly title: string }): Book | undefined;
    sort(request: { readonly by?: 'title' }): void;
  };
  casts: { add(request: { readonly book: Book }): void; clear(): void };
  infos: { dust(message: { readonly grams: number }): void };
  continues: { load(continuation: { readonly from: string }): void };
}

/** A server without input, casts, infos or continuations. */
interface Bell {
  state: number;
  calls: { ring(): string };
}

declare const shelf: ServerRef<Shelf>;
declare const bell: ServerRef<Bell>;
declare const shelfLogic: GenServerLogic<Shelf>;
declare const bellLogic: GenServerLogic<Bell>;
declare const fromFind: From<Book | undefined>;
declare const fromCount: From<number>;
declare const tree: SupervisorRef;
declare const crowd: ServerRef<DynamicSupervisorTypes>;

const shelfActor = createActor(shelfLogic, { input: { room: 3 } });

// ── What is inferred ──────────────────────────────────────────────────────────────────────────────

export function inferring() {
  const counted = call(shelf, { type: 'count' });
  const found = call(shelf, { type: 'find', title: 'Emma' });
  const sorted = call(shelf, { type: 'sort' });
  const countedByActor = call(shelfActor, { type: 'count' });
  const foundByActor = call(shelfActor, { type: 'find', title: 'Emma' });
  const started = startServer(shelfLogic, { input: { room: 3 } });
  const startedBell = startServer(bellLogic);
  const state = sys.getState(shelf);
  const stateByActor = sys.getState(shelfActor);
  const replaced = sys.replaceState(shelf, (before) => ({ ...before, room: 4 }));
  const child = startChild(crowd, { logic: shelfLogic, input: { room: 3 } });
  const childOfTree = startChild(tree, { id: 'bell', logic: bellLogic });
  const children = whichChildren(crowd);
  const family = supervisor({ children: [{ id: 'bell', logic: bellLogic }] });
  const guests = dynamicSupervisor();

  return [] as unknown as [
    Expect<Equal<typeof counted, Promise<number>>>,
    Expect<Equal<typeof found, Promise<Book | undefined>>>,
    Expect<Equal<typeof sorted, Promise<void>>>,
    Expect<Equal<typeof countedByActor, Promise<number>>>,
    Expect<Equal<typeof foundByActor, Promise<Book | undefined>>>,
    Expect<Equal<typeof started, Promise<ServerRef<Shelf>>>>,
    Expect<Equal<typeof startedBell, Promise<ServerRef<Bell>>>>,
    Expect<Equal<typeof state, Promise<Shelf['state']>>>,
    Expect<Equal<typeof stateByActor, Promise<Shelf['state']>>>,
    Expect<Equal<typeof replaced, Promise<Shelf['state']>>>,
    Expect<Equal<typeof child, Promise<ServerRef<Shelf>>>>,
    Expect<Equal<typeof childOfTree, Promise<ServerRef<Bell>>>>,
    Expect<Equal<typeof children, Promise<ChildInfo[]>>>,
    Expect<Equal<typeof family, GenServerLogic<SupervisorTypes>>>,
    Expect<Equal<typeof guests, GenServerLogic<DynamicSupervisorTypes>>>,
  ];
}

export function inferringInClauses() {
  return fromGenServer<Shelf>({
    init: ({ room }, { self }) => {
      cast(self, { type: 'clear' });
      return ready({ room, books: [] }, continueWith({ type: 'load', from: 'disk' }));
    },
    handleCall: {
      count: (_request, state, from) => {
        const replied: From<number> = from;
        return deferReply(replied, state);
      },
      find: ({ title }, state) =>
        reply(
          state.books.find((book) => book.title === title),
          state,
        ),
      sort: async ({ by }, state) => reply(undefined, by ? { ...state } : state),
    },
    handleCast: {
      add: ({ book }, state) => noReply({ ...state, books: [...state.books, book] }),
      clear: (_request, state) => noReply({ ...state, books: [] }, timeoutAfter(100)),
    },
    handleInfo: {
      dust: ({ grams }, state) =>
        grams.toFixed() === '0' ? noReply(state) : stop('normal', state),
      down: ({ reason, server }, state) =>
        reason === 'normal' ? noReply(state) : stop({ shutdown: server }, state),
      timeout: (_message, state) => noReply(state),
    },
    handleContinue: {
      load: ({ from }, state) => noReply({ ...state, books: [{ title: from }] }),
    },
    terminate: (_reason, state) => state.books.length,
  });
}

// ── Calls and casts ───────────────────────────────────────────────────────────────────────────────

export function calling() {
  // @ts-expect-error there is no such request
  call(shelf, { type: 'burn' });
  // @ts-expect-error a cast is not a call
  call(shelf, { type: 'clear' });
  // @ts-expect-error the title is missing
  call(shelf, { type: 'find' });
  // @ts-expect-error a title is a string
  call(shelf, { type: 'find', title: 7 });
  // @ts-expect-error there is no author in this request
  call(shelf, { type: 'find', title: 'Emma', author: 'Austen' });
  // @ts-expect-error this request carries nothing
  call(shelf, { type: 'count', title: 'Emma' });
  // @ts-expect-error a request has a type
  call(shelf, { title: 'Emma' });
  // @ts-expect-error the bell has no books
  call(bell, { type: 'count' });
  // @ts-expect-error a name is no ref
  call('shelf', { type: 'count' });
  // @ts-expect-error a timeout is a number
  call(shelf, { type: 'count' }, { timeoutMs: '5000' });
  // @ts-expect-error the option is timeoutMs
  call(shelf, { type: 'count' }, { timeout: 5000 });
}

export function callingByActorRef() {
  // @ts-expect-error there is no such request
  call(shelfActor, { type: 'burn' });
  // @ts-expect-error the title is missing
  call(shelfActor, { type: 'find' });
  // @ts-expect-error a title is a string
  call(shelfActor, { type: 'find', title: 7 });
  // @ts-expect-error there is no author in this request
  call(shelfActor, { type: 'find', title: 'Emma', author: 'Austen' });
  const plain = createActor(fromPromise(async () => 1));
  // @ts-expect-error an actor that is no server takes no calls
  call(plain, { type: 'count' });
}

export function casting() {
  // @ts-expect-error there is no such cast
  cast(shelf, { type: 'burn' });
  // @ts-expect-error a call is not a cast
  cast(shelf, { type: 'count' });
  // @ts-expect-error the book is missing
  cast(shelf, { type: 'add' });
  // @ts-expect-error a title is a string
  cast(shelf, { type: 'add', book: { title: 7 } });
  // @ts-expect-error this cast carries nothing
  cast(shelf, { type: 'clear', book: { title: 'Emma' } });
  // @ts-expect-error the bell takes no casts
  cast(bell, { type: 'clear' });
  // @ts-expect-error there is no such cast
  cast(shelfActor, { type: 'burn' });
}

export async function usingReplies() {
  // @ts-expect-error a count is a number
  const wrongCount: string = await call(shelf, { type: 'count' });
  // @ts-expect-error nothing may be found
  const wrongBook: Book = await call(shelf, { type: 'find', title: 'Emma' });
  // @ts-expect-error the state has no shelves
  (await sys.getState(shelf)).shelves;
  // @ts-expect-error the state has no shelves
  (await sys.getState(shelfActor)).shelves;
  // @ts-expect-error the new state lacks its books
  sys.replaceState(shelf, (state) => ({ room: state.room }));
  return [wrongCount, wrongBook];
}

export function sendingPlainMessages() {
  info(shelf, { type: 'dust', grams: 3 });
  info(shelfActor, { type: 'dust', grams: 3 });
  // @ts-expect-error there is no such info
  info(shelf, { type: 'anything' });
  // @ts-expect-error grams are a number
  info(shelf, { type: 'dust', grams: 'three' });
  // @ts-expect-error a message has a type
  info(shelf, { grams: 3 });
}

// ── Late replies ──────────────────────────────────────────────────────────────────────────────────

export function replyingLate(from: From<never>) {
  replyTo(fromFind, { title: 'Emma' });
  replyTo(fromFind, undefined);
  replyTo(fromCount, 1);
  rejectTo(fromCount, new Error('no'));
  rejectTo(from, new Error('no'));
  // @ts-expect-error who asks for a count gets a number
  replyTo(fromCount, 'one');
  // @ts-expect-error who asks for a book gets a book
  replyTo(fromFind, 1);
  // @ts-expect-error a rejection is an Error
  rejectTo(fromCount, 'no');
  // @ts-expect-error who asks for a count is not who asks for a book
  const asked: From<Book> = fromCount;
  return asked;
}

// ── Definitions ───────────────────────────────────────────────────────────────────────────────────

interface Lamp {
  input: { readonly isOn: boolean };
  state: { readonly isOn: boolean };
  calls: { read(): boolean; label(): string };
  casts: { turn(request: { readonly isOn: boolean }): void };
  infos: { flash(): void };
  continues: { warm(continuation: { readonly ms: number }): void };
}

const init = (input: Lamp['input']) => ready<Lamp['state']>({ isOn: input.isOn });
const read = (_request: unknown, state: Lamp['state']) => reply(state.isOn, state);
const label = (_request: unknown, state: Lamp['state']) => reply('lamp', state);
const turn = (request: { readonly isOn: boolean }) => noReply({ isOn: request.isOn });
const keep = (_message: unknown, state: Lamp['state']) => noReply(state);
const handleCall = { read, label };
const handleCast = { turn };
const handleInfo = { flash: keep };
const handleContinue = { warm: keep };
const rest = { init, handleCast, handleInfo, handleContinue };

/** A clause for `read`, as the definition of a lamp takes it. */
const reading = (_clause: CallClauses<Lamp>['read']): void => {};
const bellChild = { id: 'bell', logic: bellLogic } as const;

export function definingCalls() {
  reading((_r, s) => (s.isOn ? reply(true, s) : reply(false, s)));
  reading((_r, s, from) => (replyTo(from, true) ? deferReply(from, s) : deferReply(from, s)));
  fromGenServer<Lamp>({ ...rest, handleCall });
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: async (_r, s) => reply(true, s) } });
  fromGenServer<Lamp>({
    ...rest,
    handleCall: { label, read: (_r, s) => rejectWith(new Error('x'), s) },
  });
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => stop('normal', s) } });
  fromGenServer<Lamp>({
    ...rest,
    handleCall: { label, read: (_r, s) => stop('normal', s, { reply: true }) },
  });
  // @ts-expect-error noReply forgets who asked
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => noReply(s) } });
  // @ts-expect-error undefined is no answer
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: () => undefined } });
  // @ts-expect-error nothing is no answer
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: () => {} } });
  // @ts-expect-error a state is no answer
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => s } });
  // @ts-expect-error a bare reply is no answer
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => s.isOn } });
  // @ts-expect-error async forgets as well
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: async (_r, s) => noReply(s) } });
  // @ts-expect-error one way round forgets
  reading((_r, s) => (s.isOn ? reply(true, s) : noReply(s)));
  // @ts-expect-error read answers a boolean
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => reply('on', s) } });
  // @ts-expect-error the reply of a stop is a boolean too
  reading((_r, s) => stop('normal', s, { reply: 'on' }));
  // @ts-expect-error the state is an object
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: () => reply(true, 1) } });
  // @ts-expect-error value and state are swapped
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => reply(s, true) } });
  // @ts-expect-error ready is for init
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => ready(s) } });
  // @ts-expect-error this from awaits a book
  fromGenServer<Lamp>({ ...rest, handleCall: { label, read: (_r, s) => deferReply(fromFind, s) } });
  // @ts-expect-error who asked to read gets a boolean
  reading((_r, s, from) => (replyTo(from, 'on') ? deferReply(from, s) : deferReply(from, s)));
}

export function definingClauses() {
  // @ts-expect-error read has no clause
  fromGenServer<Lamp>({ ...rest, handleCall: { label } });
  // @ts-expect-error no call has a clause
  fromGenServer<Lamp>({ ...rest });
  // @ts-expect-error there is no call named dim
  fromGenServer<Lamp>({ ...rest, handleCall: { ...handleCall, dim: read } });
  // @ts-expect-error there is no cast named dim
  fromGenServer<Lamp>({ ...rest, handleCall, handleCast: { turn, dim: turn } });
  // @ts-expect-error turn has no clause
  fromGenServer<Lamp>({ ...rest, handleCall, handleCast: {} });
  // @ts-expect-error flash has no clause
  fromGenServer<Lamp>({ ...rest, handleCall, handleInfo: {} });
  // @ts-expect-error there is no info named spark
  fromGenServer<Lamp>({ ...rest, handleCall, handleInfo: { flash: keep, spark: keep } });
  // @ts-expect-error warm has no clause
  fromGenServer<Lamp>({ ...rest, handleCall, handleContinue: {} });
  // @ts-expect-error init is missing
  fromGenServer<Lamp>({ handleCall, handleCast, handleInfo, handleContinue });
  // @ts-expect-error the setting is mailboxLimit
  fromGenServer<Lamp>({ ...rest, handleCall, mailboxSize: 3 });
  // @ts-expect-error flash is no call and no cast
  fromGenServer<Lamp>({ ...rest, handleCall, uncancellable: ['flash'] });
  // @ts-expect-error the callback is spelt terminate
  fromGenServer<Lamp>({ ...rest, handleCall, onTerminate: () => {} });
}

export function definingCastsAndInfos() {
  const all = { ...rest, handleCall };
  // @ts-expect-error nobody waits for a reply to a cast
  fromGenServer<Lamp>({ ...all, handleCast: { turn: (_r, s) => reply(true, s) } });
  // @ts-expect-error nobody to defer a reply to
  fromGenServer<Lamp>({ ...all, handleCast: { turn: (_r, s) => deferReply(fromCount, s) } });
  // @ts-expect-error a bare state is no answer
  fromGenServer<Lamp>({ ...all, handleCast: { turn: (_r, s) => s } });
  // @ts-expect-error the state is an object
  fromGenServer<Lamp>({ ...all, handleCast: { turn: () => noReply(true) } });
  // @ts-expect-error nobody waits for a reply to an info
  fromGenServer<Lamp>({ ...all, handleInfo: { flash: (_r, s) => reply(true, s) } });
  // @ts-expect-error nobody waits for a reply to a continuation
  fromGenServer<Lamp>({ ...all, handleContinue: { warm: (_r, s) => reply(true, s) } });
  // @ts-expect-error the request carries isOn
  fromGenServer<Lamp>({ ...all, handleCast: { turn: ({ watts }, s) => noReply(watts ? s : s) } });
}

export function definingInit() {
  const { init: _init, ...others } = { ...rest, handleCall };
  fromGenServer<Lamp>({ ...others, init: () => ignore() });
  fromGenServer<Lamp>({ ...others, init: () => stop('normal') });
  fromGenServer<Lamp>({
    ...others,
    init: async (input) => ready(input, continueWith({ type: 'warm', ms: 1 })),
  });
  // @ts-expect-error a state is wrapped by ready
  fromGenServer<Lamp>({ ...others, init: (input) => input });
  // @ts-expect-error the state is an object
  fromGenServer<Lamp>({ ...others, init: () => ready(true) });
  // @ts-expect-error nobody has asked yet
  fromGenServer<Lamp>({ ...others, init: (input) => reply(true, input) });
  // @ts-expect-error init says ready
  fromGenServer<Lamp>({ ...others, init: (input) => noReply(input) });
}

// ── Starting ──────────────────────────────────────────────────────────────────────────────────────

export function starting() {
  startServer(bellLogic);
  startServer(bellLogic, { name: 'bell' });
  // @ts-expect-error the shelf needs its input
  startServer(shelfLogic);
  // @ts-expect-error the shelf needs its input
  startServer(shelfLogic, { name: 'shelf' });
  // @ts-expect-error room is a number
  startServer(shelfLogic, { input: { room: 'much' } });
  // @ts-expect-error there is no width
  startServer(shelfLogic, { input: { room: 1, width: 2 } });
  // @ts-expect-error the bell takes no input
  startServer(bellLogic, { input: 3 });
  // @ts-expect-error the option is startTimeoutMs
  startServer(bellLogic, { timeoutMs: 3 });
  // @ts-expect-error only our own logic is a server
  startServer(fromPromise(async () => 1));
}

// ── Supervision ───────────────────────────────────────────────────────────────────────────────────

const job = fromPromise(async ({ input }: { input: { readonly n: number } }) => input.n);

export function listingChildren() {
  supervisor({ children: [bellChild, { id: 'shelf', logic: shelfLogic, input: { room: 1 } }] });
  supervisor({
    strategy: 'rest_for_one',
    children: [
      { id: 'shelf', logic: shelfLogic, input: { room: 1 } },
      { id: 'bell', logic: bellLogic, restart: 'transient', shutdown: 'brutal_kill' },
      { id: 'job', logic: job, input: { n: 1 } },
      { id: 'callback', logic: fromCallback(() => {}) },
      { id: 'tree', logic: supervisor({ children: [] }), shutdown: 'infinity' },
    ],
  });
  // @ts-expect-error the shelf needs its input
  supervisor({ children: [{ id: 'shelf', logic: shelfLogic }] });
  // @ts-expect-error room is a number
  supervisor({ children: [{ id: 'shelf', logic: shelfLogic, input: { room: 'much' } }] });
  // @ts-expect-error the promise needs its input
  supervisor({ children: [{ id: 'job', logic: job }] });
  // @ts-expect-error n is a number
  supervisor({ children: [{ id: 'job', logic: job, input: { n: 'one' } }] });
  // @ts-expect-error the second child has the wrong input
  supervisor({ children: [bellChild, { id: 'shelf', logic: shelfLogic, input: 1 }] });
  // @ts-expect-error there is no such restart
  supervisor({ children: [{ id: 'bell', logic: bellLogic, restart: 'always' }] });
  // @ts-expect-error there is no such shutdown
  supervisor({ children: [{ id: 'bell', logic: bellLogic, shutdown: 'never' }] });
  // @ts-expect-error a child has a logic
  supervisor({ children: [{ id: 'bell' }] });
  // @ts-expect-error there is no such strategy
  supervisor({ strategy: 'simple_one_for_one' });
  // @ts-expect-error the option is restartIntensity
  supervisor({ intensity: { restarts: 3, withinMs: 5_000 } });
  // @ts-expect-error both numbers are needed
  supervisor({ restartIntensity: { restarts: 3 } });
  // @ts-expect-error a dynamic supervisor has no strategy
  dynamicSupervisor({ strategy: 'one_for_all' });
}

export function askingSupervisors() {
  terminateChild(crowd, 'child-1');
  restartChild(tree, 'bell');
  // @ts-expect-error a dynamic supervisor forgets what it has stopped
  restartChild(crowd, 'child-1');
  // @ts-expect-error a shelf is no supervisor
  restartChild(shelf, 'bell');
  // @ts-expect-error a shelf is no supervisor
  startChild(shelf, { id: 'bell', logic: bellLogic });
  // @ts-expect-error the shelf needs its input
  startChild(crowd, { logic: shelfLogic });
  // @ts-expect-error room is a number
  startChild(tree, { id: 'shelf', logic: shelfLogic, input: { room: 'much' } });
  // @ts-expect-error a child is named by its id or its ref
  terminateChild(tree, 1);
}
