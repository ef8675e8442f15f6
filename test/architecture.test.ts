/**
 * Who may import whom, and what each file may be: the house rules, held by the files themselves. Each
 * rule is also tried on planted files that break it, so that no rule can fall silent.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { violations } from './support/house-rules.ts';
import type { SourceFile } from './support/imports.ts';

const ROOT = join(import.meta.dirname, '..');

function filesOf(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [folder, ...name.split(sep)].join('/'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

/** What the rules say of one planted file. */
const planted = (path: string, text: string): string[] => violations([{ path, text }]);

describe('the house', () => {
  test('keeping its rules in src', () => {
    const files = filesOf('src');
    expect(files.map(({ path }) => path)).toContain('src/otp/server.ts');
    expect(violations(files)).toEqual([]);
  });

  test('keeping its rules in supervisors', () => {
    const files = filesOf('supervisors');
    expect(files.map(({ path }) => path)).toContain('supervisors/root.ts');
    expect(violations(files)).toEqual([]);
  });
});

describe('imports', () => {
  test.each([
    // The file that imports, what it imports, what it may not import.
    ['src/fault.ts', './otp/clock.ts', 'src/otp/clock.ts'],
    ['src/fault.ts', 'node:fs', 'node:fs'],
    ['src/slots/tables.ts', '../otp/clock.ts', 'src/otp/clock.ts'],
    ['src/slots/tables.ts', 'node:events', 'node:events'],
    ['src/otp/server.ts', '../slots/tables.ts', 'src/slots/tables.ts'],
    ['src/otp/server.ts', '../limiter/client.ts', 'src/limiter/client.ts'],
    ['src/limiter/client.ts', '../journal/memory-journal.ts', 'src/journal/memory-journal.ts'],
    ['src/limiter/client.ts', '../sessions/session.ts', 'src/sessions/session.ts'],
    ['src/limiter/client.ts', 'node:fs', 'node:fs'],
    ['src/journal/memory-journal.ts', '../limiter/client.ts', 'src/limiter/client.ts'],
    ['src/journal/memory-journal.ts', '../slots/tables.ts', 'src/slots/tables.ts'],
    ['src/journal/memory-journal.ts', './sqlite-journal.ts', 'src/journal/sqlite-journal.ts'],
    ['src/sessions/session.ts', '../slots/tables.ts', 'src/slots/tables.ts'],
    ['src/sessions/session.ts', '../journal/journal.ts', 'src/journal/journal.ts'],
    ['src/sessions/session.ts', '../executors/command.ts', 'src/executors/command.ts'],
    ['src/executors/command.ts', '../sessions/run.ts', 'src/sessions/run.ts'],
    ['src/config/schema.ts', '../limiter/limits.ts', 'src/limiter/limits.ts'],
    ['src/telemetry/metrics.ts', '../limiter/client.ts', 'src/limiter/client.ts'],
    ['src/http/routes.ts', '../otp/index.ts', 'src/otp/index.ts'],
    ['src/http/routes.ts', '../slots/tables.ts', 'src/slots/tables.ts'],
    ['src/http/routes.ts', '../journal/reader.ts', 'src/journal/reader.ts'],
    ['src/cli/serve.ts', '../otp/index.ts', 'src/otp/index.ts'],
    ['src/cli/serve.ts', '../slots/tables.ts', 'src/slots/tables.ts'],
    ['src/cli/serve.ts', '../journal/journal.ts', 'src/journal/journal.ts'],
    ['src/limiter/start.ts', '../../supervisors/root.ts', 'supervisors/root.ts'],
    ['src/testing.ts', '../supervisors/root.ts', 'supervisors/root.ts'],
    ['supervisors/root.ts', '../test/support/imports.ts', 'test/support/imports.ts'],
  ])('refusing that %s imports %s', (path, specifier, target) => {
    expect(planted(path, `import { it } from '${specifier}';`)).toEqual([
      `${path} may not import ${target}`,
    ]);
  });

  test.each([
    ['src/slots/tables.ts', '../fault.ts'],
    ['src/otp/server.ts', 'xstate'],
    ['src/otp/server.ts', 'node:perf_hooks'],
    ['src/limiter/client.ts', '../slots/tables.ts'],
    ['src/limiter/client.ts', '../journal/journal.ts'],
    ['src/journal/sqlite-journal.ts', 'better-sqlite3'],
    ['src/telemetry/catalogue.ts', '../limiter/channels.ts'],
    ['src/sessions/run-machine.ts', 'xstate'],
    ['src/sessions/session.ts', '../executors/executor.ts'],
    ['src/config/schema.ts', 'zod'],
    ['src/cli/status.ts', '../journal/reader.ts'],
    ['src/cli/serve.ts', '../../supervisors/start-tree.ts'],
    ['supervisors/root.ts', '../src/otp/index.ts'],
  ])('accepting that %s imports %s', (path, specifier) => {
    expect(planted(path, `import { it } from '${specifier}';`)).toEqual([]);
  });

  test.each([
    ['xstate', 'src/limiter/client.ts'],
    ['xstate', 'src/sessions/session.ts'],
    ['better-sqlite3', 'src/journal/reader.ts'],
    ['better-sqlite3', 'src/otp/server.ts'],
    ['zod', 'src/limiter/client.ts'],
    ['fastify', 'src/cli/serve.ts'],
    ['prom-client', 'src/limiter/client.ts'],
    ['left-pad', 'src/otp/server.ts'],
    ['slotkeeper', 'src/index.ts'],
  ])('keeping the driver %s out of %s', (driver, path) => {
    expect(planted(path, `export { it } from '${driver}';`)).toEqual([
      `${path} may not import ${driver}`,
    ]);
  });

  test('letting types through where only types may be known', () => {
    const path = 'src/journal/memory-journal.ts';
    expect(planted(path, `import type { Slot } from '../slots/tables.ts';`)).toEqual([]);
    expect(planted(path, `import { type Slot } from '../slots/tables.ts';`)).toEqual([]);
    expect(planted(path, `import { type Slot, free } from '../slots/tables.ts';`)).toHaveLength(1);
  });

  test.each([
    ['a re-export', `export { it } from '../slots/tables.ts';`],
    ['a star', `export * from '../slots/tables.ts';`],
    ['a type', `import type { It } from '../slots/tables.ts';`],
    ['a type in place', `type It = import('../slots/tables.ts').It;`],
    ['a side effect', `import '../slots/tables.ts';`],
    ['a dynamic import', `const it = await import('../slots/tables.ts');`],
    ['a require', `const it = require('../slots/tables.ts');`],
  ])('seeing %s', (_form, text) => {
    expect(planted('src/otp/a.ts', text)).toEqual([
      'src/otp/a.ts may not import src/slots/tables.ts',
    ]);
  });

  test('not seeing what a comment or a string says', () => {
    const text = `// import { it } from '../slots/tables.ts';
      /* import 'better-sqlite3'; */
      export const it = "import { it } from '../slots/tables.ts'";`;
    expect(planted('src/otp/a.ts', text)).toEqual([]);
  });

  test('refusing a relative import without .ts', () => {
    expect(planted('src/otp/a.ts', `import { b } from './b';`)).toEqual([
      'src/otp/a.ts imports ./b without .ts',
    ]);
    expect(planted('src/otp/a.ts', `export { b } from './b.js';`)).toHaveLength(1);
  });

  test('refusing a file in a place without a rule', () => {
    expect(planted('src/misc/a.ts', 'export const a = 1;')).toEqual([
      'src/misc/a.ts is in no place that the rules know',
    ]);
  });
});

describe('the purity of src/slots', () => {
  test.each([
    ['Date', 'export const at = new Date();'],
    ['Date', 'export const at = Date.now();'],
    ['Math.random', 'export const chance = Math.random();'],
    ['Math.random', `export const chance = Math['random']();`],
    ['setTimeout', 'setTimeout(() => {}, 1);'],
    ['setInterval', 'setInterval(() => {}, 1);'],
    ['setImmediate', 'setImmediate(() => {});'],
    ['queueMicrotask', 'queueMicrotask(() => {});'],
    ['Promise', 'export type Answer = Promise<number>;'],
    ['async', 'export const answer = async () => 1;'],
    ['await', 'export const answer = await ask;'],
    ['process', 'export const { pid } = process;'],
    ['crypto', 'export const id = crypto.randomUUID();'],
    ['performance', 'export const at = performance.now();'],
    ['console', `console.log('granted');`],
    ['globalThis', 'export const at = globalThis.Date.now();'],
  ])('reporting %s in: %s', (name, text) => {
    expect(planted('src/slots/tables.ts', text)).toEqual([
      `src/slots/tables.ts is not pure: ${name}`,
    ]);
  });

  test('leaving comments, strings and keys alone', () => {
    const text = `/** Knows no Date, no Promise; async is not for it. */
      export const holders = { process: 1, console: 2 }; // not await Math.random()
      export const kinds = ['process', 'Date', holders.process, Math.max(1, 2)];`;
    expect(planted('src/slots/tables.ts', text)).toEqual([]);
  });

  test('letting other folders be impure', () => {
    expect(planted('src/otp/clock.ts', 'export const now = () => Date.now();')).toEqual([]);
  });
});

describe('the shape of files', () => {
  test.each([
    'export default 1;',
    'const a = 1; export { a as default };',
    `export { default } from './b.ts';`,
  ])('refusing a default export: %s', (text) => {
    expect(planted('src/otp/a.ts', text)).toEqual(['src/otp/a.ts has a default export']);
  });

  test.each(['utils', 'common', 'helpers', 'types', 'manager'])(
    'refusing the name %s.ts',
    (name) => {
      expect(planted(`src/otp/${name}.ts`, '')).toEqual([
        `src/otp/${name}.ts has a name that says nothing`,
      ]);
    },
  );

  test.each([
    'export const a = 1;',
    `import { a } from './a.ts'; export { a };`,
    `export * from './a.ts'; console.log(1);`,
  ])('refusing an index.ts with more than re-exports: %s', (text) => {
    expect(planted('src/otp/index.ts', text)).toEqual([
      'src/otp/index.ts holds more than re-exports',
    ]);
  });

  test('accepting an index.ts of re-exports', () => {
    const text = `/** The face. */ export * from './a.ts'; export type { B } from './b.ts';`;
    expect(planted('src/otp/index.ts', text)).toEqual([]);
  });
});
