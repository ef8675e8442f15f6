/**
 * A worker thread that asks a limiter of another thread through a port, with the built package, and does
 * what it is told.
 *
 * `workerData`: the port. Each message is an order, `{ id, act, args }`; its answer is `{ id, value }` or
 * `{ id, error }`. Slots are kept under the id of their run, or of their session.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { connectLimiter, RefusalError, SlotkeeperError, SlotLostError } from 'slotkeeper';

const remote = connectLimiter(workerData.port);
const slots = new Map();
const controllers = new Map();

function told(slot) {
  const { sessionId, runId, token, signal } = slot;
  return { sessionId, runId, token, isLost: signal.aborted };
}

function kept(slot) {
  slots.set(slot.runId ?? slot.sessionId, slot);
  return told(slot);
}

/** The error as the other thread can read it: its classes are those of this thread. */
function plain(error) {
  if (!(error instanceof Error)) return { reason: error };
  const { name, code, message, limit, active, scope, retryable } = error;
  return {
    ...{ name, code, message, limit, active, scope, retryable },
    isRefusal: error instanceof RefusalError,
    isFault: error instanceof SlotkeeperError,
    isLoss: error instanceof SlotLostError,
  };
}

/** Orders say which options they want that cannot be sent to a thread. */
function optionsOf(id, { isAbortable, hasHolder, hasFunction, ...options } = {}) {
  if (isAbortable) {
    controllers.set(id, new AbortController());
    options.signal = controllers.get(id).signal;
  }
  if (hasHolder) options.holder = new AbortController().signal;
  if (hasFunction) options.owner = () => 'alice';
  return options;
}

function lossOf({ signal }) {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(plain(signal.reason));
    else signal.addEventListener('abort', () => resolve(plain(signal.reason)));
  });
}

const acts = {
  acquireSession: async (id, options) =>
    kept(await remote.acquireSessionSlot(id, optionsOf(id, options))),
  acquireRun: async (sessionId, id, options) =>
    kept(await remote.acquireRunSlot(sessionId, id, optionsOf(id, options))),
  withRun: (sessionId, { fails, ...options } = {}) =>
    remote.withRunSlot(
      sessionId,
      async (slot) => {
        if (fails) throw new Error('it fails');
        return told(slot);
      },
      optionsOf(sessionId, options),
    ),
  /** Jobs, one after the other in each of so many lines. */
  work: async (sessionId, lines, jobs) => {
    let done = 0;
    const line = async () => {
      for (let job = 0; job < jobs; job++) {
        await remote.withRunSlot(sessionId, () => (done += 1), { waitTimeoutMs: Infinity });
      }
    };
    await Promise.all(Array.from({ length: lines }, line));
    return done;
  },
  release: (id) => slots.get(id).release(),
  dispose: (id) => slots.get(id)[Symbol.asyncDispose](),
  look: (id) => told(slots.get(id)),
  loss: (id) => lossOf(slots.get(id)),
  releaseRun: (id, options) => remote.releaseRunSlot(id, options),
  releaseSession: (id, options) => remote.releaseSessionSlot(id, options),
  renewRun: (id, token) => remote.renewRunSlot(id, token),
  renewSession: (id, token) => remote.renewSessionSlot(id, token),
  abort: (id, reason) => controllers.get(id).abort(reason),
  close: () => remote.close(),
  exit: () => process.exit(0),
  crash: () => {
    setImmediate(() => {
      throw new Error('the thread crashes');
    });
  },
};

parentPort.on('message', async ({ id, act, args }) => {
  try {
    const value = await acts[act](...args);
    parentPort.postMessage({ id, value });
  } catch (error) {
    parentPort.postMessage({ id, error: plain(error) });
  }
});
parentPort.postMessage('ready');
