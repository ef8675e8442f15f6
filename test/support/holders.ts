/**
 * Holders of slots, of each kind that there is, and the ways in which they go down.
 */
import { createActor, fromPromise } from 'xstate';
import { exit, type ServerRef, startServer, stopServer } from '../../src/index.ts';
import type { AcquireOptions } from './callers.ts';
import { type Gate, gate, type Puppet, puppet, surroundings } from './servers.ts';

/** Who holds a slot. */
export type Holder = NonNullable<AcquireOptions['holder']>;

/** A holder that lives until it is ended. */
export interface Living {
  readonly holder: Holder;
  end(): unknown;
}

async function server(end: (ref: ServerRef<Puppet>) => unknown): Promise<Living> {
  const ref = await startServer(puppet(), surroundings());
  return { holder: ref, end: () => end(ref) };
}

/** An actor at work, and what its work waits for. */
interface Busy {
  readonly work: Gate<void>;
  stop(): unknown;
}

async function actor(end: (busy: Busy) => unknown): Promise<Living> {
  const work = gate();
  const ref = createActor(fromPromise(() => work.opened));
  // XState reports a failure that nobody listens for as an uncaught exception.
  ref.subscribe({ error: () => {} });
  ref.start();
  return { holder: ref, end: () => end({ work, stop: () => ref.stop() }) };
}

async function signal(): Promise<Living> {
  const controller = new AbortController();
  return { holder: controller.signal, end: () => controller.abort() };
}

/** Each kind of holder, with each way in which it goes down. */
export const HOLDERS: readonly (readonly [string, () => Promise<Living>])[] = [
  ['a server that is stopped', () => server((ref) => stopServer(ref))],
  ['a server that shuts down', () => server((ref) => exit(ref, 'shutdown'))],
  ['a server that crashes', () => server((ref) => exit(ref, new Error('crash')))],
  ['a server that is killed', () => server((ref) => exit(ref, 'kill'))],
  ['an actor that is done', () => actor(({ work }) => work.open())],
  ['an actor that fails', () => actor(({ work }) => work.fail(new Error('failed')))],
  ['an actor that is stopped', () => actor((busy) => busy.stop())],
  ['a signal that is aborted', signal],
];

/** An actor that lives on, and the number of those who listen to it. */
export function watchedActor() {
  const ref = createActor(fromPromise(() => new Promise<void>(() => {}))).start();
  // XState tells nobody who listens; its set of observers does.
  const observers = Reflect.get(ref, 'observers') as ReadonlySet<unknown>;
  return { ref, listeners: () => observers.size };
}
