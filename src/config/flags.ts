/**
 * The flags that set a key, the same on every command that takes a configuration.
 *
 * They stand here by themselves: who only prints its usage loads no schema.
 */

export interface ConfigFlag {
  /** As people write it: `--max-runs`. */
  readonly option: string;
  readonly argument: string;
  readonly meaning: string;
}

export const flags = {
  maxSessions: {
    option: '--max-sessions',
    argument: '<n>',
    meaning: 'Sessions that are open at a time',
  },
  maxRuns: {
    option: '--max-runs',
    argument: '<n>',
    meaning: 'Runs that are at work at a time',
  },
  maxRunsPerSession: {
    option: '--max-runs-per-session',
    argument: '<n>',
    meaning: 'Runs that are at work at a time in one session',
  },
  journal: {
    option: '--journal',
    argument: '<file>',
    meaning: 'Where slots, sessions and runs are kept',
  },
} as const satisfies Readonly<Record<string, ConfigFlag>>;

/** As commander gives them: texts. */
export type Flags = { readonly [Name in keyof typeof flags]?: string | undefined };
