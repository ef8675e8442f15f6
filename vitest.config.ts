import { configDefaults, defineConfig } from 'vitest/config';

/** Crowds of processes that are killed at random: for `npm run torture`, not for every run. */
const CROWDS = ['test/commands/hosts.test.ts', 'test/commands/many-kills.test.ts'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(process.env['TORTURE'] ? [] : CROWDS)],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A rejection or an exception that nobody handled fails the run: supervisors promise none.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
