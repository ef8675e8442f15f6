/**
 * The codes of the faults that executors raise, with their meanings.
 */
export const executorFaultCodes = {
  command_not_started: 'The command could not be started: it is not there, or may not be run',
  socket_folder_unsafe:
    'The folder for sockets of spools with long names is not a folder of this user alone',
  command_failed:
    'The command did not exit with 0; `result` says how it ended and where its output is',
  no_output: 'There is no output: the run is no command, or has not begun, or is forgotten',
} as const;
