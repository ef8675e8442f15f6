import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // A rejection or an exception that nobody handled fails the run: supervisors promise none.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
