/**
 * The program of a worker thread: a client of the limiter through a port, that does what it is told.
 *
 * `workerData.port` is the port. It tells what becomes of each acquire; `sync` is answered when all that
 * was asked through the port before has been answered.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import {
  type AcquireRunOptions,
  connectLimiter,
  RefusalError,
  type RemoteRunSlot,
  type RemoteSessionSlot,
} from 'slotkeeper';

export type Order =
  | {
      readonly do: 'acquire';
      readonly number: number;
      readonly sessionId: string;
      /** `undefined`: the session itself. */
      readonly runId: string | undefined;
      readonly options: AcquireRunOptions;
      /** Whether its caller gives up in the same tick. */
      readonly isGivenUp: boolean;
    }
  | { readonly do: 'abort'; readonly number: number }
  | { readonly do: 'release'; readonly token: number }
  | { readonly do: 'sync' | 'exit' | 'throw' | 'leave' };

export interface ToldRefusal {
  readonly code: string;
  readonly limit: number | undefined;
  readonly active: number | undefined;
  readonly message: string;
}

export type Telling =
  | { readonly tells: 'ready' }
  | { readonly tells: 'granted'; readonly number: number; readonly token: number }
  | { readonly tells: 'refused'; readonly number: number; readonly refusal: ToldRefusal }
  | { readonly tells: 'synced'; readonly tokens: readonly number[] };

type Slot = RemoteRunSlot | RemoteSessionSlot;
type Acquire = Extract<Order, { do: 'acquire' }>;

const parent = parentPort as MessagePort; // there is one in a worker thread
const remote = connectLimiter((workerData as { readonly port: MessagePort }).port);
const slots = new Map<number, Slot>();
const controllers = new Map<number, AbortController>();

function tell(telling: Telling): void {
  parent.postMessage(telling);
}

function acquire({ number, sessionId, runId, options, isGivenUp }: Acquire): void {
  const controller = new AbortController();
  controllers.set(number, controller);
  const asked = { ...options, signal: controller.signal };
  const { kind: _kind, ...forSession } = asked;
  const slot: Promise<Slot> =
    runId === undefined
      ? remote.acquireSessionSlot(sessionId, forSession)
      : remote.acquireRunSlot(sessionId, runId, asked);
  slot
    .then(
      (granted) => keep(number, granted),
      (error: unknown) => tell({ tells: 'refused', number, refusal: refusalOf(error) }),
    )
    .finally(() => controllers.delete(number));
  if (isGivenUp) controller.abort('given up');
}

function keep(number: number, slot: Slot): void {
  slots.set(slot.token, slot);
  tell({ tells: 'granted', number, token: slot.token });
}

/** What it has, as far as it was told. */
function held(): number[] {
  return [...slots.values()].filter(({ signal }) => !signal.aborted).map(({ token }) => token);
}

function refusalOf(error: unknown): ToldRefusal {
  if (error instanceof RefusalError) {
    const { code, limit, active, message } = error;
    return { code, limit, active, message };
  }
  const code = error === 'given up' ? 'aborted' : 'a fault';
  return { code, limit: undefined, active: undefined, message: String(error) };
}

function release(token: number): void {
  slots.get(token)?.release();
  slots.delete(token);
}

/** What the limiter has sent before this answer has been told once the promises have run. */
async function sync(): Promise<void> {
  // When the limiter has stopped, that is the answer.
  await remote.releaseRunSlot('nobody').catch(() => {});
  setImmediate(() => tell({ tells: 'synced', tokens: held() }));
}

function obey(order: Order): unknown {
  switch (order.do) {
    case 'acquire':
      return acquire(order);
    case 'abort':
      return controllers.get(order.number)?.abort('given up');
    case 'release':
      return release(order.token);
    case 'sync':
      return sync();
    case 'exit':
      return process.exit(0);
    case 'throw':
      throw new Error('the thread throws, as ordered');
    case 'leave':
      // Nothing keeps the thread alive then.
      remote.close();
      return parent.close();
  }
}

parent.on('message', obey);
tell({ tells: 'ready' });
