/**
 * The codes of what keeps a command from being done, with their meanings.
 */
export const cliFaultCodes = {
  bad_input: 'The input has lines that are no work; each is named with what was expected',
  bad_template: 'What is to be run for each line is no program with its arguments',
  check_failed: 'The daemon could not be started as it is configured; each reason is named',
  input_missing: 'Nobody has said which file has the work',
  input_unavailable: 'The input cannot be read',
  results_unavailable: 'The results cannot be written; nothing more was begun',
  run_unknown: 'The journal knows no run of that id',
} as const;
