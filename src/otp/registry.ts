/**
 * Names of servers, unique while they are held. A name is taken before `init` runs, kept while the
 * supervisor restarts its server, and free again once the server is gone for good.
 */
import { SlotkeeperError } from '../fault.ts';
import type { Address } from './address.ts';
import { ServerRef } from './server-ref.ts';
import type { ServerTypes } from './server-types.ts';

export class Registry {
  private readonly addresses = new Map<string, Address>();

  /** Takes `name`, or throws `already_started` with the first holder's ref in `details.ref`. */
  register(name: string, address: Address): void {
    const first = this.addresses.get(name);
    if (first) {
      throw new SlotkeeperError(
        'already_started',
        `A server named ${JSON.stringify(name)} is already started`,
        { name, ref: new ServerRef(this, first) },
      );
    }
    this.addresses.set(name, address);
  }

  /** Frees `name` if `address` holds it. */
  unregister(name: string, address: Address): void {
    if (this.addresses.get(name) === address) this.addresses.delete(name);
  }

  lookup(name: string): Address | undefined {
    return this.addresses.get(name);
  }

  /** A handle on the server that holds `name` now, `undefined` if nobody does. */
  whereis<T extends ServerTypes = ServerTypes>(name: string): ServerRef<T> | undefined {
    const address = this.addresses.get(name);
    return address && new ServerRef<T>(this, address);
  }

  /** A handle by name alone: it finds whoever holds the name at each send. */
  ref<T extends ServerTypes = ServerTypes>(name: string): ServerRef<T> {
    return new ServerRef<T>(this, this.addresses.get(name), name);
  }

  /** The names that are held, in the order in which they were taken. */
  names(): string[] {
    return [...this.addresses.keys()];
  }
}

/** The registry of servers that are given no other: one for the thread, as names are local in OTP. */
export const localRegistry: Registry = new Registry();
