/**
 * The codes of the faults that `src/otp` raises, with their meanings. Stable: programs branch on them.
 */
export const otpFaultCodes = {
  already_present: 'The supervisor has a spec of this id, whose child does not run',
  already_started: 'The name or the child id is taken; `details.ref` is who has it',
  bad_return_value: 'A callback returned what no builder made, or has no clause to continue with',
  call_timeout: 'A call was not answered in time; if it was not served yet, it never will be',
  calling_self: 'A server called itself, which would wait for ever',
  invalid_option:
    'An option is not what it can be; `details` has option, value and what is expected',
  mailbox_full: 'As many messages wait as the mailbox may hold; this one was not taken in',
  max_children: 'The dynamic supervisor has as many children as it may have',
  noproc: 'No server is running there',
  not_a_server: 'An XState actor that is no server takes neither calls nor casts',
  not_found: 'The supervisor has no such child',
  not_restorable: 'XState was asked to restore a server from a snapshot; start it with its input',
  restart_intensity_exceeded:
    'More restarts than the supervisor takes for bad luck; it has given up',
  restarting: 'The child is about to be restarted: terminate it first',
  running: 'The child runs: terminate it first',
  server_down: 'The server ended before it answered; `cause` is the error it ended with, if any',
  start_failed: 'init failed; `cause` is its reason',
  start_ignored: 'init decided that there is nothing to run',
  start_timeout: 'init took longer than it may; what it had begun was killed',
  stop_timeout: 'The server has not ended in time; the order to end stands',
  stopped_otherwise: 'The server has ended for another reason than it was told',
  thrown_value: 'Something that is no Error was thrown; it is the `cause`',
  unexpected_request: 'The server has no clause for such a call',
} as const;

export type OtpFaultCode = keyof typeof otpFaultCodes;
