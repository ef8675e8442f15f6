/**
 * What can be wrong with an order to a run, and with a run itself.
 */
import { SlotkeeperError } from '../fault.ts';

interface Named {
  readonly id: string;
  readonly sessionId: string;
  readonly state: string;
}

export function notRunning({ id, state }: Named): SlotkeeperError<'run_not_running'> {
  const text = `Run ${id} is ${state}: only a run that runs can be paused or resumed`;
  return new SlotkeeperError('run_not_running', text, { runId: id, state });
}

export function cannotPause({ id }: Named): SlotkeeperError<'pause_unsupported'> {
  const text = `The work of run ${id} cannot be paused: run it with pausable and look at whenResumed()`;
  return new SlotkeeperError('pause_unsupported', text, { runId: id });
}

export function runCrashed({ id, sessionId }: Named, cause: unknown): SlotkeeperError {
  const text = `The actor of run ${id} has crashed; its slot is free when its work is gone`;
  return new SlotkeeperError('run_crashed', text, { runId: id, sessionId }, cause);
}
