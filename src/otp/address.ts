/**
 * Where messages to a server go, over all its incarnations.
 *
 * An address is `waiting` until `init` has succeeded and again while its supervisor restarts the
 * server: messages are parked, bounded like the mailbox. It is `up` while somebody serves: they go
 * straight to the mailbox. It is `gone` when nobody will: calls get `noproc`, parked ones too.
 * Only who starts the server (its supervisor, `startServer`, or the server itself when XState started
 * it) moves an address between these.
 */
import type { AnyActorRef } from 'xstate';
import { SlotkeeperError } from '../fault.ts';
import type { Behaviour } from './behaviour.ts';
import { mailboxFull, messageDropped } from './channels.ts';
import type { Clock } from './clock.ts';
import type { Environment } from './environment.ts';
import { DEFAULT_MAILBOX_LIMIT, Mailbox } from './mailbox.ts';
import { CallEnvelope, chooseLane, type Envelope, type Tag } from './message.ts';
import type { Server } from './server.ts';
import { ServerRef } from './server-ref.ts';

export interface AddressOptions {
  readonly label: string;
  readonly name?: string | undefined;
  readonly environment: Environment;
  /** The behaviour of the server that will serve here; none for other XState logic. */
  readonly behaviour: Behaviour | undefined;
  /** Whether a supervisor decides, after each end, if there will be another incarnation. */
  readonly isSupervised?: boolean;
}

export class Address {
  readonly label: string;
  readonly name: string | undefined;
  readonly environment: Environment;
  server: Server | undefined = undefined;
  /** The server that has this address, also before it serves and while it ends. */
  incarnation: Server | undefined = undefined;
  actor: AnyActorRef | undefined = undefined;
  isGone = false;
  private readonly uncancellable: ReadonlySet<string> | undefined;
  private ownRef: ServerRef | undefined = undefined;
  private readonly isSupervised: boolean;
  private readonly mailboxLimit: number;
  /** Made when something is parked. */
  private parked: Mailbox | undefined = undefined;

  constructor(options: AddressOptions) {
    this.label = options.label;
    this.name = options.name;
    this.environment = options.environment;
    this.uncancellable = options.behaviour?.uncancellable;
    this.isSupervised = options.isSupervised ?? false;
    this.mailboxLimit = options.behaviour?.mailboxLimit ?? DEFAULT_MAILBOX_LIMIT;
    if (this.name !== undefined) this.environment.registry.register(this.name, this);
  }

  /** The handle that is given out, made when somebody wants it. */
  get ref(): ServerRef {
    this.ownRef ??= new ServerRef(this.environment.registry, this);
    return this.ownRef;
  }

  get clock(): Clock {
    return this.environment.clock;
  }

  /** Sends `envelope` on. Returns the fault that keeps it from being sent, if any. */
  send(envelope: Envelope<Tag>): SlotkeeperError | undefined {
    if (this.server) return this.server.send(envelope);
    if (this.isGone) return noproc(this.label);
    if (this.actor) return notAServer(this.label, envelope.messageType);
    return this.park(envelope);
  }

  /** Sends a call and has it served on this stack; false when that cannot be now. */
  sendAndServe(envelope: CallEnvelope): boolean {
    return this.server?.sendAndServe(envelope) ?? false;
  }

  /** Somebody serves: what was parked reaches it first, in order. */
  up(actor: AnyActorRef, server: Server | undefined): void {
    this.actor = actor;
    this.server = server;
    for (const envelope of this.takeParked()) {
      if (server) server.accept(envelope);
      else this.deliverToActor(actor, envelope as Envelope<Tag>);
    }
  }

  /** What was parked for an actor that is no server: it understands infos alone. */
  private deliverToActor(actor: AnyActorRef, envelope: Envelope<Tag>): void {
    const { content } = envelope;
    if (envelope.type === 'info') actor.send(content);
    else if (envelope instanceof CallEnvelope) {
      envelope.rejectWith(notAServer(this.label, envelope.messageType));
    } else dropped(this.label, envelope);
  }

  /** Nobody serves for now; messages wait for the next incarnation. */
  down(): void {
    this.actor = undefined;
    this.server = undefined;
  }

  /** The server has begun to end: what is sent from now on is for its successor, if there may be one. */
  expectSuccessor(): void {
    if (this.isSupervised) this.down();
  }

  /** An incarnation has ended. Under a supervisor, that one decides whether the address is closed. */
  ended(): void {
    this.incarnation = undefined;
    if (this.isSupervised) this.down();
    else this.close();
  }

  /** After it was closed, somebody may serve again; throws `already_started` if its name was taken. */
  reopen(): void {
    if (!this.isGone) return;
    if (this.name !== undefined) this.environment.registry.register(this.name, this);
    this.isGone = false;
  }

  /** Nobody will serve any more: the name is free, what was parked is refused. */
  close(): void {
    if (this.isGone) return;
    this.down();
    this.isGone = true;
    if (this.name !== undefined) this.environment.registry.unregister(this.name, this);
    for (const envelope of this.takeParked()) this.refuseParked(envelope);
  }

  private park(envelope: Envelope<Tag>): SlotkeeperError | undefined {
    chooseLane(envelope, this.uncancellable);
    const parked = this.parked ?? new Mailbox(this.mailboxLimit);
    this.parked = parked;
    if (!parked.hasRoomFor(envelope)) return mailboxIsFull(this.label, envelope, parked.limit);
    parked.push(envelope);
    return undefined;
  }

  private takeParked(): Iterable<Envelope> {
    const parked = this.parked;
    this.parked = undefined;
    return parked?.drain() ?? [];
  }

  private refuseParked(envelope: Envelope): void {
    if (envelope instanceof CallEnvelope) envelope.abandon(() => noproc(this.label));
    else dropped(this.label, envelope as Envelope<Tag>);
  }
}

/** Reports a cast or info that had nowhere to go: OTP drops it in silence, we say so. */
export function dropped(
  server: string,
  envelope: Envelope<Tag>,
  cause: 'noproc' | 'mailbox_full' = 'noproc',
): void {
  if (!messageDropped.hasSubscribers) return;
  messageDropped.publish({ server, message: envelope.messageType, cause });
}

export function noproc(server: string): SlotkeeperError<'noproc'> {
  return new SlotkeeperError('noproc', `No server is running at ${server}`, { server });
}

export function mailboxIsFull(
  server: string,
  envelope: Envelope<Tag>,
  limit: number,
): SlotkeeperError<'mailbox_full'> {
  const message = envelope.messageType;
  if (mailboxFull.hasSubscribers) mailboxFull.publish({ server, message, limit });
  return new SlotkeeperError(
    'mailbox_full',
    `The mailbox of ${server} is full: ${limit} messages wait already. Send less, or wait for replies`,
    { server, message, limit },
  );
}

function notAServer(server: string, message: string): SlotkeeperError<'not_a_server'> {
  return new SlotkeeperError(
    'not_a_server',
    `${server} is an XState actor without call and cast: send it ${message} with info`,
    { server, message },
  );
}
