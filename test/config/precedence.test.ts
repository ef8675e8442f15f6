import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Config, loadConfig } from '../../src/config/index.ts';
import { valueAt } from '../../src/config/origins.ts';
import { schemas } from '../../src/config/schema.ts';
import { type Key, keysOf } from '../../src/config/schema-walk.ts';
import { DEFAULT_LIMITS } from '../../src/index.ts';
import { loadedFrom, nested } from '../support/config-files.ts';

/** Every key with a place of its own, and a right value that is not its default. */
const OTHER: Readonly<Record<string, unknown>> = {
  'listen.host': '::1',
  'listen.port': 9_000,
  allowedHosts: ['slots.example', '[::1]:80', 'slots.example:8080'],
  allowedOrigins: ['https://slots.example'],
  trustProxy: ['10.0.0.0/8', '::1'],
  'journal.path': 'other.db',
  'journal.durability': 'power',
  'limits.maxParallelSessions': 1,
  'limits.maxParallelRuns': 2_147_483_647,
  'limits.maxRunsPerSession': 3,
  'limits.maxSessionsPerOwner': 4,
  'limits.maxRunsPerOwner': 5,
  'limits.maxJobsPerOwner': 6,
  'limits.maxRunsPerKind.exec': 7,
  'limits.maxRunsPerKind.agent': 8,
  'limits.maxRunsPerKind.tool': 1_000,
  'limits.maxWaiters': 9,
  fairness: 'owner',
  'sessions.idleTimeoutMs': 10,
  'sessions.maxLifetimeMs': 11,
  'exec.enabled': true,
  agent: { command: 'claude', args: ['-p'] },
  tools: {},
  keys: [{ id: 'ci', hash: `sha256:${'0'.repeat(64)}`, owner: 'alice', scopes: ['exec'] }],
  'rate.max': 12,
  'rate.windowMs': 13,
  queueTimeoutMs: 0,
  orphans: 'kill',
  'retention.maxAgeMs': 0,
  'retention.maxCount': 0,
  spoolDir: 'other-spool',
  drainTimeoutMs: 0,
};

const keys = keysOf(schemas.serve).filter(({ path }) => path in OTHER);
const byEnv = keys.filter(({ about }) => about.env);
const byFlag = keys.filter(({ about }) => about.flag);

const at = (values: Config, { steps }: Key): unknown => valueAt(values, steps);
const flagged = ({ about }: Key, text: string) => ({ [about.flag ?? '']: text });
const set = ({ about }: Key, text: string) => ({ [about.env ?? '']: text });
const ofFile = (key: Key) => nested(key.steps, OTHER[key.path]);

describe('a value', () => {
  test('being tried here for every key that has a place of its own', () => {
    const inside = /^(tools|keys|agent)[.[]/;
    const all = keysOf(schemas.serve).filter(({ path }) => !inside.test(path) && path !== 'rate');
    expect(all.map(({ path }) => path).sort()).toEqual(Object.keys(OTHER).sort());
  });

  test.each(keys)('being the default of $path where nothing is said', (key) => {
    const { values, origins } = loadConfig({ env: {}, flags: {}, command: 'serve' });
    if (key.path !== 'spoolDir') expect(at(values, key)).toEqual(key.standard);
    expect(origins[key.path]).toBe('default');
  });

  test.each(keys.filter(({ path }) => path !== 'tools'))(
    'of the file being above the default of $path',
    (key) => {
      const { values, origins } = loadedFrom(ofFile(key));
      expect(at(values, key)).toEqual(OTHER[key.path]);
      if (key.path !== 'agent') expect(origins[key.path]).toMatch(/^file .*slotkeeper\.json$/);
    },
  );

  test.each(byEnv)('of the environment being above the file in $path', (key) => {
    const { values, origins } = loadedFrom(ofFile(key), { env: set(key, '77') });
    expect(at(values, key)).toBe(77);
    expect(origins[key.path]).toBe(`env ${key.about.env}`);
  });

  test.each(byFlag)('of a flag being above environment and file in $path', (key) => {
    const sources = { env: set(key, '77'), flags: flagged(key, '88') };
    const { values, origins } = loadedFrom(ofFile(key), sources);
    expect(String(at(values, key))).toBe('88');
    expect(origins[key.path]).toMatch(/^flag --/);
  });

  test('leaving its neighbours as they are', () => {
    const { values, origins } = loadedFrom(
      { limits: { maxRunsPerKind: { gpu: 1, agent: 3 } } },
      { env: { MAX_CONCURRENT_AGENTS: '4' }, flags: { maxRuns: '5' } },
    );
    expect(values.limits.maxRunsPerKind).toMatchObject({ gpu: 1, agent: 4 });
    expect(values.limits.maxParallelRuns).toBe(5);
    expect(origins['limits.maxRunsPerKind.gpu']).toMatch(/^file /);
    expect(origins['limits.maxRunsPerKind.tool']).toBe('default');
  });

  test('being text where text is meant, whatever digits it has', () => {
    const { values } = loadConfig({ env: {}, flags: { journal: '7' }, command: 'serve' });
    expect(values.journal.path).toBe('7');
  });
});

describe('the environment', () => {
  test.each(byEnv.filter(({ kind }) => kind?.isLimit))(
    'saying in two ways that $path has no limit, and being told so',
    (key) => {
      for (const text of ['0', 'infinity']) {
        const { values, notes } = loadedFrom({}, { env: set(key, text) });
        expect(at(values, key)).toBe(Infinity);
        expect(notes).toEqual([`${key.about.env}=${text}: ${key.path} is unlimited`]);
      }
    },
  );

  test('meaning no wait by a wait of 0', () => {
    expect(loadedFrom({}, { env: { QUEUE_TIMEOUT_MS: '0' } }).values.queueTimeoutMs).toBe(0);
    const endless = loadedFrom({}, { env: { QUEUE_TIMEOUT_MS: 'infinity' } });
    expect(endless.values.queueTimeoutMs).toBe(Infinity);
  });

  test.each(byEnv)('not setting $path when it is empty', (key) => {
    const { origins, notes } = loadedFrom({}, { env: set(key, '') });
    expect(origins[key.path]).toBe('default');
    expect(notes).toEqual([]);
  });

  test('saying nothing to run', () => {
    const env = { MAX_CONCURRENT_EXECS_PER_SESSION: '2', QUEUE_TIMEOUT_MS: 'soon' };
    const { values, notes } = loadConfig({ env, flags: {}, command: 'run' });
    expect(values.limits.maxRunsPerSession).toBe(Infinity);
    expect(notes).toEqual([]);
  });

  test('having names that are taken and have no effect yet', () => {
    const { reserved, notes } = loadedFrom({}, { env: { DOCKER_MEMORY_LIMIT: '512m' } });
    expect(reserved).toContainEqual({
      name: 'DOCKER_MEMORY_LIMIT',
      value: '512m',
      origin: 'env DOCKER_MEMORY_LIMIT',
    });
    expect(reserved).toContainEqual({ name: 'DOCKER_CPU_LIMIT', value: '1', origin: 'default' });
    expect(notes).toEqual([
      'DOCKER_MEMORY_LIMIT is reserved: it has no effect until there are containers',
    ]);
  });

  test('being told of a name that is nearly one', () => {
    const { notes } = loadedFrom({}, { env: { MAX_CONCURENT_AGENTS: '4', PATH: '/bin' } });
    expect(notes).toEqual([
      'MAX_CONCURENT_AGENTS has no effect: did you mean MAX_CONCURRENT_AGENTS?',
    ]);
  });
});

describe('the defaults', () => {
  test('of run being those of a command line', () => {
    const { values } = loadConfig({ env: {}, flags: {}, command: 'run' });
    const maxRunsPerKind = { exec: Infinity, agent: Infinity, tool: Infinity };
    expect(values.limits).toEqual({
      ...DEFAULT_LIMITS,
      maxParallelSessions: Infinity,
      maxParallelRuns: availableParallelism(),
      maxRunsPerKind,
    });
    expect(values.journal.path).toBe(null);
    expect(values.spoolDir).toBe(null);
  });

  test('of serve being those of the library and of the systems before it', () => {
    const { values } = loadConfig({ env: {}, flags: {}, command: 'serve' });
    const maxRunsPerKind = { exec: Infinity, agent: 1, tool: availableParallelism() };
    const ofDaemon = { maxRunsPerSession: 2, maxJobsPerOwner: 5, maxRunsPerKind };
    expect(values.limits).toEqual({ ...DEFAULT_LIMITS, ...ofDaemon });
  });

  test.each(['run', 'serve'] as const)(
    'of %s putting the spool beside a journal that is named',
    (command) => {
      const { values } = loadConfig({ env: {}, flags: { journal: '/var/a.db' }, command });
      expect(values.spoolDir).toBe('/var/a.db.spool');
    },
  );

  test('putting the spool of the own journal into the own folder', () => {
    const { values } = loadConfig({ env: {}, flags: {}, command: 'serve' });
    expect(values.spoolDir).toBe('./slotkeeper-data/spool');
  });

  test('filling in what an object has not', () => {
    const { values, origins } = loadedFrom({
      rate: { max: 3 },
      tools: { lint: { command: 'eslint' } },
    });
    expect(values.rate).toEqual({ max: 3, windowMs: 3_600_000 });
    expect(values.tools.lint).toEqual({
      command: 'eslint',
      args: [],
      argsSchema: null,
      timeoutMs: Infinity,
      available: true,
    });
    expect(origins['tools.lint.command']).toMatch(/^file /);
    expect(origins['tools.lint.args']).toBe('default');
  });

  test('giving way to null where that is a value', () => {
    const { values } = loadedFrom({ rate: null, journal: { path: null } });
    expect(values.rate).toBe(null);
    expect(values.journal.path).toBe(null);
  });
});

test('the whole being frozen', () => {
  const config = loadedFrom({ tools: { lint: { command: 'eslint' } }, keys: OTHER.keys });
  const thawed: unknown[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) thawed.push(value);
    for (const inner of Object.values(value)) look(inner);
  };
  look(config);
  expect(thawed).toEqual([]);
});
