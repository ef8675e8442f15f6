/**
 * Monitors: to be told, once, that a server or any XState actor has ended.
 *
 * A monitor is pinned to the incarnation that runs when it is set; a restart ends that incarnation.
 * It fires exactly once: with the reason of the end, or with `noproc` if nobody runs there already.
 * Told is a server (an info `{ type: 'down', … }` in its urgent lane; its monitors are gone with its
 * incarnation) or a function, whose throw is logged.
 */
import type { AnyActorRef } from 'xstate';
import { crashReason, type ExitReason } from './exit-reason.ts';
import type { Logger } from './logger.ts';
import { Envelope } from './message.ts';
import type { AnyRef } from './ref.ts';
import { actorOf, incarnationOf, labelOf, loggerOf } from './ref.ts';
import type { EndListener, Server } from './server.ts';
import { ServerRef } from './server-ref.ts';
import { serverOf } from './server-snapshot.ts';

export interface DownMessage {
  readonly type: 'down';
  /** The monitor that has fired, as `monitor` returned it. */
  readonly monitor: Monitor;
  /** Name or id of what has ended. */
  readonly server: string;
  readonly reason: ExitReason;
}

/** A monitor that was set. `demonitor` before it fires means that it never will. */
export interface Monitor {
  demonitor(): void;
}

/** Sets a monitor on `target`. A function is never called before `monitor` has returned. */
export function monitor(target: AnyRef, told: ServerRef | ((down: DownMessage) => void)): Monitor {
  const notice = new DownNotice(labelOf(target), loggerOf(target), told);
  notice.watch(incarnationOf(target)?.scope.self ?? actorOf(target));
  return notice;
}

class DownNotice implements Monitor {
  private readonly server: string;
  private readonly logger: Logger;
  private readonly told: ServerRef | ((down: DownMessage) => void);
  private isOver = false;
  private unwatch: (() => void) | undefined = undefined;
  private release: (() => void) | undefined = undefined;

  constructor(server: string, logger: Logger, told: ServerRef | ((down: DownMessage) => void)) {
    this.server = server;
    this.logger = logger;
    this.told = told;
  }

  watch(actor: AnyActorRef | undefined): void {
    const fire = (reason: ExitReason): void => this.fire(reason);
    this.release = this.endWithWatcher();
    if (actor && isAlive(actor)) this.unwatch = onEnd(actor, fire);
    else if (this.told instanceof ServerRef) fire('noproc');
    else queueMicrotask(() => fire('noproc'));
  }

  demonitor(): void {
    this.isOver = true;
    this.unwatch?.();
    this.release?.();
  }

  /** A monitor that a server has set is gone with that incarnation, as in OTP. */
  private endWithWatcher(): (() => void) | undefined {
    const watcher = this.told instanceof ServerRef ? incarnationOf(this.told) : undefined;
    return watcher && onServerEnd(watcher, () => this.demonitor());
  }

  private fire(reason: ExitReason): void {
    if (this.isOver) return;
    this.isOver = true;
    this.release?.();
    const down: DownMessage = { type: 'down', monitor: this, server: this.server, reason };
    if (this.told instanceof ServerRef) sendDown(this.told, down);
    else this.tell(this.told, down);
  }

  /** Whoever's end it is, a listener that throws takes down neither its teller nor the process. */
  private tell(listener: (down: DownMessage) => void, down: DownMessage): void {
    try {
      listener(down);
    } catch (error) {
      this.logger.error({ server: this.server, error }, `A monitor of ${this.server} has thrown`);
    }
  }
}

function sendDown(told: ServerRef, down: DownMessage): void {
  told.address()?.send(new Envelope('info', down, 'urgent'));
}

/** Whether an actor still runs. A server does until its last callback has ended. */
export function isAlive(actor: AnyActorRef): boolean {
  const server = serverOf(actor);
  return server ? server.phase !== 'exited' : actor.getSnapshot().status === 'active';
}

/** Calls `ended` once when a living actor ends. Returns what takes that back. */
export function onEnd(actor: AnyActorRef, ended: (reason: ExitReason) => void): () => void {
  const server = serverOf(actor);
  return server ? onServerEnd(server, ended) : onActorEnd(actor, ended);
}

function onServerEnd(server: Server, ended: (reason: ExitReason) => void): () => void {
  const listener: EndListener = { serverEnded: (_server, reason) => ended(reason) };
  server.onEnd(listener);
  return () => server.offEnd(listener);
}

/** XState calls `complete` for the done and the stopped, `error` for the failed. */
function onActorEnd(actor: AnyActorRef, ended: (reason: ExitReason) => void): () => void {
  const subscription = actor.subscribe({
    error: (error: unknown) => ended(crashReason(error)),
    complete: () => ended(actor.getSnapshot().status === 'done' ? 'normal' : 'shutdown'),
  });
  return () => subscription.unsubscribe();
}
