/**
 * One child of a supervisor: its spec, its address, and the incarnation that runs now.
 *
 * Starting waits for `init`; stopping waits for `terminate` up to the shutdown time, then kills. A
 * child is told apart from its former incarnations by identity, so the late news of an old one never
 * harms a new one. Children that are no servers (machines, promises, callbacks, observables) are
 * started and stopped by XState's own means.
 */
import { type AnyActorRef, createActor } from 'xstate';
import { Address, noproc } from './address.ts';
import { type CompleteChildSpec, shutdownMs } from './child-spec.ts';
import { exitOrder } from './client.ts';
import { crashReason, type ExitReason, isAbnormal } from './exit-reason.ts';
import { behaviourIn } from './gen-server.ts';
import { isAlive, onEnd } from './monitor.ts';
import { DEFAULT_TERMINATE_MS } from './place.ts';
import type { EndListener, Server } from './server.ts';
import type { ServerRef } from './server-ref.ts';
import { serverOf } from './server-snapshot.ts';
import { endsWithin, startFailed, startWithin } from './start-server.ts';

/** `restarting` waits for its turn or its backoff; `stopped` is kept as a spec only. */
export type ChildStatus = 'running' | 'restarting' | 'stopped';

/** Who is told that a running child has ended by itself. */
export interface Guardian {
  readonly server: Server;
  childEnded(child: Child, reason: ExitReason): void;
}

export class Child implements EndListener {
  readonly spec: CompleteChildSpec;
  readonly ref: ServerRef;
  readonly address: Address;
  status: ChildStatus = 'stopped';
  /** Rises with each start and each stop, so that news of an end can be told to be late. */
  incarnation = 0;
  private readonly guardian: Guardian;
  private actor: AnyActorRef | undefined = undefined;
  private unwatch: (() => void) | undefined = undefined;

  /** Takes the child's name; throws `already_started` when somebody else has it. */
  constructor(spec: CompleteChildSpec, guardian: Guardian) {
    this.spec = spec;
    this.guardian = guardian;
    this.address = newAddress(spec, guardian);
    this.ref = this.address.ref;
  }

  get isRunning(): boolean {
    return this.status === 'running';
  }

  /** Starts an incarnation. Rejects with `start_failed` or `start_timeout`; nothing is left then. */
  async start(): Promise<void> {
    if (this.guardian.server.phase === 'exited') throw noproc(this.guardian.server.label);
    this.address.reopen();
    const actor = this.createActor();
    this.actor = actor;
    this.incarnation += 1;
    const server = serverOf(actor);
    try {
      actor.start();
      if (!server) this.startOther(actor);
      else if (server.phase === 'running') this.guard(server);
      else await this.startServer(server);
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** Stops what runs, within the spec's shutdown time. The spec and the address stay. */
  async stop(): Promise<void> {
    this.incarnation += 1;
    const actor = this.actor;
    const server = actor && serverOf(actor);
    this.lookAway(server);
    if (server) await this.stopServer(server);
    else if (actor && isAlive(actor)) this.guardian.server.scope.stopChild(actor);
    this.forget();
  }

  /** Nobody runs and nobody will, unless the child is started again by hand. */
  close(): void {
    this.status = 'stopped';
    this.incarnation += 1;
    this.address.close();
  }

  /** Ends what runs at once: its supervisor is gone. */
  kill(): void {
    const actor = this.actor;
    const server = actor && serverOf(actor);
    this.lookAway(server);
    if (server) server.kill();
    else if (actor && isAlive(actor)) this.guardian.server.scope.stopChild(actor);
    this.forget();
    this.close();
  }

  private async startServer(server: Server): Promise<void> {
    await startWithin(server, this.spec.startTimeoutMs);
    this.guard(server);
  }

  private guard(server: Server): void {
    this.status = 'running';
    server.guardian = this;
    if (server.phase === 'exited') this.ended(server.scope.self, server.exitReason);
  }

  private startOther(actor: AnyActorRef): void {
    const snapshot = actor.getSnapshot();
    if (snapshot.status === 'error') throw startFailed(this.spec.id, crashReason(snapshot.error));
    this.status = 'running';
    this.address.up(actor, undefined);
    if (isAlive(actor)) this.unwatch = onEnd(actor, (reason) => this.ended(actor, reason));
    else this.ended(actor, 'normal');
  }

  /** The server has ended by itself. */
  serverEnded(server: Server, reason: ExitReason): void {
    this.ended(server.scope.self, reason);
  }

  /** From here on the end is no news: the supervisor wants it. */
  private lookAway(server: Server | undefined): void {
    if (server) server.guardian = undefined;
    this.unwatch?.();
  }

  private ended(actor: AnyActorRef, reason: ExitReason): void {
    if (this.actor !== actor) return;
    this.forget();
    this.status = 'restarting';
    this.guardian.childEnded(this, reason);
  }

  private async stopServer(server: Server): Promise<void> {
    const { shutdown } = this.spec;
    if (shutdown === 'brutal_kill') return server.kill();
    server.order(exitOrder('shutdown', this.guardian.server.label, true));
    if (server.hasEnded) return this.reportUnclean(server);
    if (!(await endsWithin(server, shutdownMs(shutdown)))) server.kill();
    this.reportUnclean(server);
  }

  /** A child that ends in another way than it was told is worth a line. */
  private reportUnclean(server: Server): void {
    const reason = server.exitReason;
    if (!isAbnormal(reason)) return;
    this.guardian.server.place.log(
      'error',
      { child: this.spec.id, reason },
      `${this.spec.id} was not shut down cleanly`,
    );
  }

  private forget(): void {
    this.actor = undefined;
    this.unwatch = undefined;
    this.status = 'stopped';
    this.address.down();
  }

  private createActor(): AnyActorRef {
    const { spec, guardian } = this;
    const actor: AnyActorRef = createActor(spec.logic, {
      parent: guardian.server.scope.self,
      id: spec.id,
      input: spec.input,
    });
    // After a crash even a child that is otherwise killed at once may clean up.
    const terminateTimeoutMs = shutdownMs(spec.shutdown) || DEFAULT_TERMINATE_MS;
    serverOf(actor)?.settleIn({ address: this.address, terminateTimeoutMs, isRoot: false });
    return actor;
  }
}

function newAddress(spec: CompleteChildSpec, guardian: Guardian): Address {
  return new Address({
    label: spec.name ?? spec.id,
    name: spec.name,
    behaviour: behaviourIn(spec.logic),
    environment: guardian.server.address.environment,
    isSupervised: true,
  });
}
