/**
 * One listener per AbortSignal, whoever waits on it.
 *
 * Node warns above ten listeners on a signal, and each costs microseconds. So all who wait on a signal
 * share one listener, which is removed when the last of them leaves.
 */
export interface AbortTarget {
  aborted(reason: unknown): void;
}

interface SharedListener {
  readonly targets: Set<AbortTarget>;
  readonly listener: () => void;
}

const shared = new WeakMap<AbortSignal, SharedListener>();

/** Calls `target.aborted` when the signal aborts, unless it is removed before. */
export function onAbort(signal: AbortSignal, target: AbortTarget): void {
  const entry = shared.get(signal) ?? listenTo(signal);
  entry.targets.add(target);
}

export function offAbort(signal: AbortSignal, target: AbortTarget): void {
  const entry = shared.get(signal);
  if (!entry?.targets.delete(target) || entry.targets.size > 0) return;
  shared.delete(signal);
  signal.removeEventListener('abort', entry.listener);
}

function listenTo(signal: AbortSignal): SharedListener {
  const targets = new Set<AbortTarget>();
  const listener = (): void => {
    for (const target of targets) target.aborted(signal.reason);
    shared.delete(signal);
  };
  const entry = { targets, listener };
  shared.set(signal, entry);
  signal.addEventListener('abort', listener, { once: true });
  return entry;
}
