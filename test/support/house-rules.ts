/**
 * The house rules (design, section 3) as data, and the function that checks files against them.
 *
 * Each row says what the files of one place may import; the first row that fits a path is its rule.
 * A folder that does not exist yet has its row already.
 */
import { factsOf, type Import, type SourceFacts, type SourceFile } from './imports.ts';

interface Place {
  readonly files: RegExp;
  /** Targets: paths of the repository, packages, `node:` modules. */
  readonly mayImport: readonly RegExp[];
  /** Targets of type-only imports, besides. */
  readonly mayImportTypesOf?: readonly RegExp[];
}

const NODE = /^node:/;
const THREADS = /^node:worker_threads$/;
const SLOTS = /^src\/slots\//;
const OTP = /^src\/otp\//;
const LIMITER = /^src\/limiter\//;
const LIMITER_CHANNELS = /^src\/limiter\/channels\.ts$/;
const SESSION_CHANNELS = /^src\/sessions\/channels\.ts$/;
const JOURNAL = /^src\/journal\//;
const JOURNAL_PORT = /^src\/journal\/journal\.ts$/;
const JOURNAL_READER = /^src\/journal\/(.+-)?reader\.ts$/;
const SESSIONS = /^src\/sessions\//;
const EXECUTORS = /^src\/executors\//;
const EXECUTOR_PORT = /^src\/executors\/executor\.ts$/;
const CONFIG = /^src\/config\//;
const TELEMETRY = /^src\/telemetry\//;
const HTTP = /^src\/http\//;
const CLI = /^src\/cli\//;
const SUPERVISORS = /^supervisors\//;
const SRC = /^src\//;
const FAULT = /^src\/fault\.ts$/;

/** One row per place. `src/fault.ts` may be imported by all and is not named in each row. */
export const PLACES: readonly Place[] = [
  { files: FAULT, mayImport: [] },
  { files: SLOTS, mayImport: [SLOTS] },
  { files: OTP, mayImport: [OTP, NODE] },
  // Its clients in other threads talk through message ports.
  { files: LIMITER, mayImport: [LIMITER, SLOTS, OTP, JOURNAL_PORT, THREADS] },
  // A journal on disk looks at its file's inode. Adapters do not know each other, see below.
  { files: JOURNAL, mayImport: [JOURNAL, NODE], mayImportTypesOf: [SLOTS] },
  { files: SESSIONS, mayImport: [SESSIONS, LIMITER, OTP, EXECUTOR_PORT] },
  { files: EXECUTORS, mayImport: [EXECUTORS, NODE] },
  // It reads a file, and knows addresses when it sees them.
  { files: CONFIG, mayImport: [CONFIG, NODE], mayImportTypesOf: [SRC] },
  // It lists the channels of those that publish, and knows nothing else of them.
  { files: TELEMETRY, mayImport: [TELEMETRY, OTP, LIMITER_CHANNELS, SESSION_CHANNELS, NODE] },
  { files: HTTP, mayImport: [HTTP, LIMITER, SESSIONS, CONFIG, TELEMETRY, NODE] },
  {
    files: CLI,
    mayImport: [CLI, LIMITER, SESSIONS, CONFIG, TELEMETRY, HTTP, JOURNAL_READER, SUPERVISORS, NODE],
  },
  { files: /^src\/index\.ts$/, mayImport: [SRC, SUPERVISORS] },
  { files: /^src\/(testing|errors)\.ts$/, mayImport: [SRC] },
  { files: SUPERVISORS, mayImport: [SUPERVISORS, SRC] },
];

/** Every third-party package, and the only files that import it. */
export const DRIVERS: ReadonlyMap<string, RegExp> = new Map([
  ['xstate', /^src\/otp\/|-machine\.ts$/],
  ['better-sqlite3', /^src\/journal\/sqlite-journal\.ts$/],
  ['zod', /^src\/(config|http)\//],
  ['nanoid', SESSIONS],
  ['fastify', HTTP],
  ['@fastify/cors', HTTP],
  ['pino', HTTP],
  ['sonic-boom', HTTP],
  ['prom-client', TELEMETRY],
  ['commander', CLI],
  ['log-update', CLI],
  ['picocolors', CLI],
  ['shell-quote', CLI],
]);

/** What the book-keeping must not know of: time, chance, timers, promises, the process. */
const IMPURE: readonly string[] = [
  'Date',
  'Math.random',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'Promise',
  'async',
  'await',
  'process',
  'crypto',
  'performance',
  'console',
  'globalThis',
];

const RE_EXPORTS_ONLY = /(^|\/)index\.ts$/;
const ADAPTER = /^src\/journal\/.+-journal\.ts$/;
const SAYS_NOTHING = /(^|\/)(utils?|common|helpers?|types|managers?)\.ts$/;

/** Every breach of a rule by these files, as one line each: the path, then what is wrong. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.map(factsOf).flatMap((file) => faults(file).map((fault) => `${file.path} ${fault}`));
}

function faults(file: SourceFacts): string[] {
  return [...importFaults(file), ...purityFaults(file), ...shapeFaults(file)];
}

function importFaults(file: SourceFacts): string[] {
  const place = PLACES.find(({ files }) => files.test(file.path));
  if (!place) return ['is in no place that the rules know'];
  return file.imports.flatMap((imported) => [
    ...endingFaults(imported),
    ...(mayImport(place, file.path, imported) ? [] : [`may not import ${imported.target}`]),
  ]);
}

function endingFaults({ isRelative, specifier }: Import): string[] {
  return isRelative && !specifier.endsWith('.ts') ? [`imports ${specifier} without .ts`] : [];
}

function mayImport(place: Place, path: string, imported: Import): boolean {
  const { target } = imported;
  if (!imported.isRelative && !NODE.test(target)) return DRIVERS.get(target)?.test(path) ?? false;
  if (FAULT.test(target)) return !FAULT.test(path);
  if (ADAPTER.test(path) && ADAPTER.test(target)) return false;
  if (place.mayImport.some((allowed) => allowed.test(target))) return true;
  return imported.isTypeOnly && (place.mayImportTypesOf ?? []).some((types) => types.test(target));
}

function purityFaults(file: SourceFacts): string[] {
  if (!SLOTS.test(file.path)) return [];
  return IMPURE.filter((name) => file.uses.has(name)).map((name) => `is not pure: ${name}`);
}

function shapeFaults(file: SourceFacts): string[] {
  const found: string[] = [];
  if (file.hasDefaultExport) found.push('has a default export');
  if (SAYS_NOTHING.test(file.path)) found.push('has a name that says nothing');
  if (RE_EXPORTS_ONLY.test(file.path) && !file.isReExportsOnly) {
    found.push('holds more than re-exports');
  }
  return found;
}
