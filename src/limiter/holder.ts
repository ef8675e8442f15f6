/**
 * Holders: who holds slots, other than the code that has the handle.
 *
 * A holder is one incarnation of a server, an XState actor, an AbortSignal, or another thread's port.
 * When it is down, its slots end and its waiting calls are refused. However many it has, it is listened
 * to once, and only while it has any.
 */

import { offAbort, onAbort } from '../otp/abort-listeners.ts';
import { isAlive, onEnd } from '../otp/monitor.ts';
import { type AnyRef, actorOf, incarnationOf, labelOf } from '../otp/ref.ts';
import { ServerRef } from '../otp/server-ref.ts';
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import type { BookedCall } from './call-book.ts';

/** What an acquire may name as its holder. */
export type HolderTarget = AnyRef | AbortSignal;

/** How it is seen that a holder is down. */
export interface Watch {
  /** What is shown of it; `null` for who has no name. */
  readonly label: string | null;
  readonly isDown: boolean;
  /** Calls `down` once, later. Returns what takes that back. */
  listen(down: () => void): () => void;
}

export class Holder {
  readonly slots = new Set<RunEntry | SessionEntry>();
  readonly calls = new Set<BookedCall>();
  private readonly watch: Watch;
  private readonly whenDown: (holder: Holder) => void;
  private unlisten: (() => void) | undefined = undefined;
  private hasEnded = false;

  constructor(watch: Watch, whenDown: (holder: Holder) => void) {
    this.watch = watch;
    this.whenDown = whenDown;
  }

  get label(): string | null {
    return this.watch.label;
  }

  get isDown(): boolean {
    return this.hasEnded || this.watch.isDown;
  }

  addSlot(entry: RunEntry | SessionEntry): void {
    this.slots.add(entry);
    this.listen();
  }

  removeSlot(entry: RunEntry | SessionEntry): void {
    this.slots.delete(entry);
    this.rest();
  }

  addCall(call: BookedCall): void {
    this.calls.add(call);
    this.listen();
  }

  removeCall(call: BookedCall): void {
    this.calls.delete(call);
    this.rest();
  }

  private listen(): void {
    if (!this.hasEnded) this.unlisten ??= this.watch.listen(() => this.end());
  }

  private rest(): void {
    if (this.slots.size + this.calls.size > 0) return;
    this.unlisten?.();
    this.unlisten = undefined;
  }

  private end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.whenDown(this);
  }
}

/** The holders of one limiter. One for each target, as long as somebody knows it. */
export class Holders {
  private readonly known = new WeakMap<object, Holder>();
  private readonly whenDown: (holder: Holder) => void;

  constructor(whenDown: (holder: Holder) => void) {
    this.whenDown = whenDown;
  }

  /** The holder that a target is now; `undefined` when nobody is there. */
  find(target: HolderTarget): Holder | undefined {
    const identity = identityOf(target);
    if (!identity) return undefined;
    const holder = this.known.get(identity) ?? this.make(identity, target);
    return holder.isDown ? undefined : holder;
  }

  /** A holder that is watched in a way of its own. */
  open(watch: Watch): Holder {
    return new Holder(watch, this.whenDown);
  }

  private make(identity: object, target: HolderTarget): Holder {
    const holder = this.open(watchOf(target));
    this.known.set(identity, holder);
    return holder;
  }
}

/** A server is pinned to the incarnation that runs now. */
function identityOf(target: HolderTarget): object | undefined {
  if (target instanceof AbortSignal) return target;
  return incarnationOf(target)?.scope.self ?? actorOf(target);
}

export function isHolderTarget(target: unknown): target is HolderTarget {
  return target instanceof AbortSignal || target instanceof ServerRef || isActor(target);
}

function isActor(target: unknown): boolean {
  const actor = target as { getSnapshot?: unknown; subscribe?: unknown } | null | undefined;
  return typeof actor?.getSnapshot === 'function' && typeof actor.subscribe === 'function';
}

function watchOf(target: HolderTarget): Watch {
  return target instanceof AbortSignal ? watchSignal(target) : watchActor(target);
}

function watchSignal(signal: AbortSignal): Watch {
  return {
    label: null,
    get isDown() {
      return signal.aborted;
    },
    listen(down) {
      const target = { aborted: down };
      onAbort(signal, target);
      return () => offAbort(signal, target);
    },
  };
}

function watchActor(target: AnyRef): Watch {
  const actor = incarnationOf(target)?.scope.self ?? actorOf(target);
  return {
    label: labelOf(target),
    get isDown() {
      return actor === undefined || !isAlive(actor);
    },
    listen: (down) => (actor ? onEnd(actor, down) : () => {}),
  };
}
