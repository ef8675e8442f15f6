/**
 * Which callback serves which envelope, and which answers it may give. One row for each.
 */

import type { Behaviour, Clauses } from './behaviour.ts';
import type { ServerContext, TurnReply } from './callbacks.ts';
import { messageUnexpected } from './channels.ts';
import type { Answerer, CallEnvelope, Envelope, EnvelopeType, Tag } from './message.ts';
import type { OutcomeKind } from './outcome.ts';
import type { Place } from './place.ts';
import { missingContinue, unexpectedRequest } from './server-faults.ts';
import type { ServerTypes } from './server-types.ts';

/** What dispatch needs to see of a server. */
export interface Served extends Answerer {
  readonly behaviour: Behaviour;
  readonly place: Place;
  readonly context: ServerContext<ServerTypes>;
  readonly input: unknown;
  readonly state: unknown;
  unexpectedMessages: number;
}

/** A callback's answer that was given already; nothing is left to do. */
export const HANDLED: unique symbol = Symbol('handled');

/** Runs the callback for a message of a user, and returns what it returned. */
export function runCallback(server: Served, envelope: Envelope): unknown {
  const { behaviour } = server;
  switch (envelope.type) {
    case 'call':
      return runCall(server, envelope as CallEnvelope);
    case 'cast':
      return runClause(server, behaviour.casts, envelope as Envelope<Tag>);
    case 'info':
      return runClause(server, behaviour.infos, envelope as Envelope<Tag>);
    case 'continue':
      return runClause(server, behaviour.continues, envelope as Envelope<Tag>);
    case 'init':
      return behaviour.callbacks.init(server.input as undefined, server.context);
    default:
      return HANDLED;
  }
}

/** Shows a turn's answers to the hook. */
export function runHook(server: Served, replies: readonly TurnReply[]): unknown {
  return server.behaviour.callbacks.handleReplies?.(replies, server.state, server.context);
}

function runCall(server: Served, call: CallEnvelope): unknown {
  const clause = server.behaviour.calls.get(call.messageType);
  call.answerer = server;
  if (clause) return clause(call.content, server.state, call, server.context);
  noteUnexpected(server, call);
  call.rejectWith(unexpectedRequest(server.label, call.messageType));
  return HANDLED;
}

function runClause(server: Served, clauses: Clauses, envelope: Envelope<Tag>): unknown {
  const { content } = envelope;
  const clause = clauses.get(content.type) ?? clauses.get('*');
  if (clause) return clause(content, server.state, server.context);
  if (envelope.type === 'continue') throw missingContinue(server.place.label, content.type);
  noteUnexpected(server, envelope);
  return HANDLED;
}

/** Nothing is lost in silence: what no clause is there for is counted, logged and published. */
function noteUnexpected(server: Served, envelope: Envelope<Tag>): void {
  server.unexpectedMessages += 1;
  const sort = envelope.type as 'call' | 'cast' | 'info';
  const fields = { server: server.place.label, sort, message: envelope.messageType };
  server.place.log('warn', fields, `No clause for the ${sort} ${fields.message}`);
  if (messageUnexpected.hasSubscribers) messageUnexpected.publish(fields);
}

/** Which outcome may follow which message; the types say the same to those who are checked by them. */
export function isAllowed(outcome: OutcomeKind, served: EnvelopeType): boolean {
  switch (outcome) {
    case 'reply':
    case 'reject':
    case 'deferred':
      return served === 'call';
    case 'no_reply':
      return served !== 'call' && served !== 'init';
    case 'ready':
    case 'ignore':
      return served === 'init';
    case 'stop':
      return true;
  }
}

/** The callback that serves such a message, as its author knows it. */
export function callbackName(served: EnvelopeType): string {
  switch (served) {
    case 'init':
      return 'init';
    case 'call':
      return 'handleCall';
    case 'cast':
      return 'handleCast';
    case 'continue':
      return 'handleContinue';
    case 'turn_end':
      return 'handleReplies';
    case 'exit':
      return 'exit';
    default:
      return 'handleInfo';
  }
}
