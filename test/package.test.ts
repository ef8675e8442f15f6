/**
 * The package as its users get it: packed, installed into an empty folder, imported by its name.
 * `npm test` builds first; without `dist` it is built here.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

let folder = '';
let consumer = '';
let packed: Packed = { filename: '', files: [] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slotkeeper-package-'));
  consumer = join(folder, 'consumer');
  await mkdir(consumer);
  if (!existsSync(join(ROOT, 'dist'))) await run('npm', ['run', 'build'], { cwd: ROOT });
  packed = await pack();
  await writeFile(join(consumer, 'package.json'), '{ "private": true }');
  const tarball = join(folder, packed.filename);
  // Without its scripts: the driver of SQLite is not compiled once more.
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts'];
  await run('npm', ['install', tarball, ...quietly], { cwd: consumer });
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function pack(): Promise<Packed> {
  const options = ['--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', ['pack', ...options], { cwd: ROOT });
  const [first] = JSON.parse(stdout) as Packed[];
  if (!first) throw new Error('npm pack has packed nothing');
  return first;
}

/** Runs a program in the consumer's folder and gives what it prints. */
async function printed(program: string, type: 'module' | 'commonjs'): Promise<string> {
  const file = join(consumer, type === 'module' ? 'main.mjs' : 'main.cjs');
  await writeFile(file, program);
  const { stdout } = await run(process.execPath, [file], { cwd: consumer });
  return stdout.trim();
}

async function typecheck(name: string, program: string): Promise<string> {
  const options = {
    strict: true,
    target: 'es2022',
    lib: ['es2023', 'dom', 'esnext.disposable'],
    module: 'nodenext',
    moduleResolution: 'nodenext',
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  await writeFile(join(consumer, name), program);
  const config = join(consumer, `${name}.tsconfig.json`);
  await writeFile(config, JSON.stringify({ compilerOptions: options, files: [name] }));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  return run(process.execPath, [tsc, '-p', config], { cwd: consumer }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
}

const paths = (): string[] => packed.files.map(({ path }) => path);
const manifest = (): Manifest => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Every file that `exports` points to. */
function targets(): string[] {
  return Object.values(manifest().exports)
    .flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))
    .map((target) => posix.normalize(target));
}

/** A server, a call, its answer. */
const PROGRAM = `
  const counter = slotkeeper.fromGenServer({
    init: (start) => slotkeeper.ready(start),
    handleCall: { add: ({ by }, state) => slotkeeper.reply(state + by, state + by) },
  });
  slotkeeper.startServer(counter, { input: 40 })
    .then((ref) => slotkeeper.call(ref, { type: 'add', by: 2 }))
    .then((sum) => console.log(sum));
`;

describe('the tarball', () => {
  test('holding every file that exports point to', () => {
    expect(targets().length).toBeGreaterThan(4);
    expect(paths()).toEqual(expect.arrayContaining(targets()));
  });

  test('holding licence, readme and manifest', () => {
    expect(paths()).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
  });

  test('holding no tests, benches, examples or programs of ours', () => {
    const isOurs = (path: string): boolean =>
      /(^|\/)(test|bench|examples|build|docs|node_modules|\.ci)\//.test(path) ||
      /\.(test|test-d)\.|tsconfig|biome|vitest/.test(path);
    expect(paths().filter(isOurs)).toEqual([]);
  });

  test('holding every source that a source map names', () => {
    const maps = paths().filter((path) => path.endsWith('.map'));
    const sources = maps.flatMap((map) => {
      const { sources } = JSON.parse(readFileSync(join(ROOT, map), 'utf8')) as {
        readonly sources: readonly string[];
      };
      return sources.map((source) => posix.join(posix.dirname(map), source));
    });
    expect(maps.length).toBeGreaterThan(0);
    expect(paths()).toEqual(expect.arrayContaining(sources));
  });

  test('holding types beside every module', () => {
    const modules = paths().filter((path) => path.endsWith('.js'));
    expect(modules.length).toBeGreaterThan(0);
    const types = modules.map((path) => path.replace(/\.js$/, '.d.ts'));
    expect(paths()).toEqual(expect.arrayContaining(types));
  });
});

describe('the installed package', () => {
  test('being imported by its name', async () => {
    const program = `import * as slotkeeper from 'slotkeeper'; ${PROGRAM}`;
    expect(await printed(program, 'module')).toBe('42');
  });

  test('being required by its name', async () => {
    const program = `const slotkeeper = require('slotkeeper'); ${PROGRAM}`;
    expect(await printed(program, 'commonjs')).toBe('42');
  });

  test('sharing its state between import and require', async () => {
    const program = `import { createRequire } from 'node:module';
      import { localRegistry } from 'slotkeeper';
      console.log(createRequire(import.meta.url)('slotkeeper').localRegistry === localRegistry);`;
    expect(await printed(program, 'module')).toBe('true');
  });

  test('giving the simulated clock from slotkeeper/testing', async () => {
    const program = `import { SimulatedClock } from 'slotkeeper/testing';
      const clock = new SimulatedClock();
      clock.setTimeout(() => console.log('fired'), 3_600_000);
      await clock.advance(3_600_000);`;
    expect(await printed(program, 'module')).toBe('fired');
  });

  test('saying what is missing where the driver of SQLite does not load', async () => {
    const program = `import { startSlotkeeper } from 'slotkeeper';
      await startSlotkeeper({ journal: { path: 'journal.db' } }).catch(({ code }) => console.log(code));`;
    expect(await printed(program, 'module')).toBe('journal_unavailable');
  });

  test('keeping a journal that the installed command shows', async () => {
    const driver = join('node_modules', 'better-sqlite3', 'build');
    await cp(join(ROOT, driver), join(consumer, driver), { recursive: true });
    const program = `import { startSlotkeeper } from 'slotkeeper';
      const keeper = await startSlotkeeper({ journal: { path: 'journal.db' } });
      await keeper.limiter.acquireSessionSlot('lives-on', { durable: true });
      await keeper.stop();`;
    expect(await printed(program, 'module')).toBe('');
    const command = join(consumer, 'node_modules', '.bin', 'slotkeeper');
    const status = ['status', '--journal', 'journal.db', '--json'];
    const { stdout } = await run(command, status, { cwd: consumer });
    const report = JSON.parse(stdout) as { readonly sessions: readonly { sessionId: string }[] };
    expect(report.sessions.map(({ sessionId }) => sessionId)).toEqual(['lives-on']);
    await rm(join(consumer, driver), { recursive: true });
  });

  test('showing its manifest', async () => {
    const program = `console.log(require('slotkeeper/package.json').name);`;
    expect(await printed(program, 'commonjs')).toBe('slotkeeper');
  });

  test('printing nothing and keeping nothing alive when it is imported', async () => {
    expect(await printed(`import 'slotkeeper'; import 'slotkeeper/testing';`, 'module')).toBe('');
  });

  test.each([
    'slotkeeper/dist/src/otp/server.js',
    'slotkeeper/dist/src/index.js',
    'slotkeeper/src/index.ts',
    'slotkeeper/otp',
  ])('refusing the deep import of %s', async (specifier) => {
    const program = `import('${specifier}').then(
      () => console.log('imported'), (error) => console.log(error.code));`;
    expect(await printed(program, 'module')).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('a consumer in TypeScript', () => {
  test('being type-checked under strict and nodenext', async () => {
    const program = `import { call, fromGenServer, ready, reply, startServer } from 'slotkeeper';
      import { SimulatedClock } from 'slotkeeper/testing';
      interface Counter { input: number; state: number; calls: { add(r: { by: number }): number } }
      const counter = fromGenServer<Counter>({
        init: (start) => ready(start),
        handleCall: { add: ({ by }, state) => reply(state + by, state + by) },
      });
      const ref = await startServer(counter, { input: 1, clock: new SimulatedClock() });
      export const sum: number = await call(ref, { type: 'add', by: 2 });`;
    expect(await typecheck('good.mts', program)).toBe('');
  });

  test('being told of a wrong request', async () => {
    const program = `import { call, type ServerRef } from 'slotkeeper';
      declare const ref: ServerRef<{ state: number; calls: { add(r: { by: number }): number } }>;
      call(ref, { type: 'add', by: 'two' });`;
    expect(await typecheck('bad.mts', program)).toContain('TS2322');
  });
});
