/**
 * A promise that is resolved later, by whoever keeps its `resolve`.
 */
type Resolve = (value: unknown) => void;

let kept: Resolve | undefined;

/** The same for all: an executor of its own would cost each caller who waits a hundred bytes. */
function keep(resolve: Resolve): void {
  kept = resolve;
}

/**
 * Makes one, and gives its `resolve` to `keeper`. To reject it, resolve it with a promise that is rejected: a
 * second function would cost each caller who waits 72 bytes.
 */
export function latePromise(keeper: { resolve: Resolve | undefined }): Promise<unknown> {
  const promise = new Promise(keep);
  keeper.resolve = kept;
  kept = undefined; // it would keep the promise, and what that resolves with
  return promise;
}
