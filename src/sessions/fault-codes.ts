/**
 * The codes of the faults that sessions and runs raise, with their meanings.
 */
export const sessionFaultCodes = {
  session_closed: 'The session takes no runs any more: it is closing or closed, `details` say why',
  session_closing: 'A session of this id is closing still; it can be opened anew when it is closed',
  run_crashed: "The actor of the run has crashed; the crash is the fault's `cause`",
  run_not_running: 'Only a run that runs can be paused or resumed',
  pause_unsupported: 'The work of the run cannot be paused; a function says so with `pausable`',
} as const;
