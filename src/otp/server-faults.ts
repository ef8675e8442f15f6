/**
 * The faults that a server's engine raises, each with what was expected and what was got.
 */
import { SlotkeeperError } from '../fault.ts';
import { describeReason, describeValue, type ExitReason } from './exit-reason.ts';

export function serverDown(server: string, reason: ExitReason): SlotkeeperError<'server_down'> {
  const why = describeReason(reason);
  return new SlotkeeperError(
    'server_down',
    `${server} has ended before it answered: ${why}`,
    { server, reason: why },
    causeOf(reason),
  );
}

/** The error in a reason, also in that of an orderly end: a supervisor gives up with one. */
function causeOf(reason: ExitReason): Error | undefined {
  const inner = typeof reason === 'object' && 'shutdown' in reason ? reason.shutdown : reason;
  return inner instanceof Error ? inner : undefined;
}

export function unexpectedRequest(
  server: string,
  request: string,
): SlotkeeperError<'unexpected_request'> {
  return new SlotkeeperError(
    'unexpected_request',
    `${server} has no clause in handleCall for ${describeValue(request)}`,
    { server, request },
  );
}

export function missingContinue(
  server: string,
  continuation: string,
): SlotkeeperError<'bad_return_value'> {
  return new SlotkeeperError(
    'bad_return_value',
    `${server} was continued with ${describeValue(continuation)}, for which handleContinue has no clause`,
    { server, continuation },
  );
}

export function badReturn(
  server: string,
  callback: string,
  got: unknown,
): SlotkeeperError<'bad_return_value'> {
  return new SlotkeeperError(
    'bad_return_value',
    `${callback} of ${server} must return what a builder of its own made (ready, reply, noReply, stop …), got ${describeValue(got)}`,
    { server, callback },
  );
}
