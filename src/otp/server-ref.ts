/**
 * A stable handle on a server: it finds whoever serves now, at each send.
 *
 * An `ActorRef` of XState is one incarnation; it is dead after a crash. A `ServerRef` stands for the
 * child as its supervisor knows it, over any number of restarts. If it has a name, it also finds the
 * server that takes the name after the first was gone for good.
 */
import type { AnyActorRef } from 'xstate';
import type { Address } from './address.ts';
import type { Registry } from './registry.ts';
import type { ServerTypes } from './server-types.ts';

declare const TYPES: unique symbol;

export class ServerRef<T extends ServerTypes = ServerTypes> {
  /** Carries the server's types; never there at run time. */
  declare readonly [TYPES]?: T;
  readonly name: string | undefined;
  private readonly registry: Registry;
  private current: Address | undefined;

  constructor(registry: Registry, address: Address | undefined, name = address?.name) {
    this.registry = registry;
    this.current = address;
    this.name = name;
  }

  /** The incarnation that serves now; `undefined` while it is being restarted and when it is gone. */
  get actor(): AnyActorRef | undefined {
    return this.address()?.actor;
  }

  /** Where a message to this ref goes now; for the client functions of this library. */
  address(): Address | undefined {
    if (this.current?.isGone !== false && this.name !== undefined) {
      this.current = this.registry.lookup(this.name) ?? this.current;
    }
    return this.current;
  }

  toString(): string {
    return `ServerRef(${this.name ?? this.current?.label ?? '?'})`;
  }

  toJSON(): string {
    return this.toString();
  }
}
