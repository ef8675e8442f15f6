/**
 * What is told of a crash, a throw or an abnormal reason to stop, with the secrets taken out: by
 * `formatStatus`, where the server has one.
 */
import type { FormattedStatus, GenServerCallbacks } from './callbacks.ts';
import { serverCrashed } from './channels.ts';
import type { Place } from './place.ts';
import type { ServerTypes } from './server-types.ts';

interface Crashed {
  readonly place: Place;
  readonly state: unknown;
  formattedStatus(status: FormattedStatus<ServerTypes>): Partial<FormattedStatus<ServerTypes>>;
}

/** Logs and publishes a crash. */
export function reportCrash(
  server: Crashed,
  callback: string,
  lastMessage: unknown,
  error: Error,
): void {
  const { label } = server.place;
  const { state, message, reason } = server.formattedStatus({
    state: server.state,
    message: lastMessage,
    reason: error,
  });
  const report = { server: label, callback, error: reason, state, message };
  const why = reason === error ? `: ${error.message}` : '';
  server.place.log('error', report, `${label} has crashed in ${callback}${why}`);
  if (serverCrashed.hasSubscribers) serverCrashed.publish(report);
}

/** A status as the author lets it be seen. If that code fails, nothing is shown: it may hold secrets. */
export function formatStatus(
  callbacks: GenServerCallbacks<ServerTypes>,
  status: FormattedStatus<ServerTypes>,
): Partial<FormattedStatus<ServerTypes>> {
  try {
    return callbacks.formatStatus?.(status) ?? status;
  } catch {
    return { state: 'formatStatus has thrown, so nothing is shown' };
  }
}
