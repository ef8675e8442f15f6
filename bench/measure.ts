/**
 * `npm run measure`: sizes of our files and functions beside those of the projects whose reading taught
 * us how code should read. Lines, counted as they stand; functions include methods and arrows with a
 * body of their own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

interface Size {
  readonly name: string;
  readonly lines: number;
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

const ROOT = join(import.meta.dirname, '..', '..');

/** Medians and ninetieth percentiles of files and functions, as counted in each project's own source. */
const ANCHORS = [
  ["Elixir's OTP modules", '705 / 1502', '4 / 22 / 102'],
  ['gleam-lang/otp', '143 / 660', '6 / 19 / 50'],
  ['oban-bg/oban', '100 / 564', '5 / 19 / 139'],
  ['xstate core', '130 / 511', '17 / 65 / 201'],
  ['kysely', '53 / 310', '6 / 16 / 223'],
] as const;

function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
}

function functionSizes({ path, text }: SourceFile): Size[] {
  const sizes: Size[] = [];
  const add = (node: { readonly start: number; readonly end: number; readonly body?: unknown }) => {
    if (!node.body) return;
    const lines = text.slice(node.start, node.end).split('\n').length;
    sizes.push({ name: `${path}:${text.slice(0, node.start).split('\n').length}`, lines });
  };
  const visitor = new Visitor({
    FunctionDeclaration: add,
    FunctionExpression: add,
    ArrowFunctionExpression: (node) => {
      if (node.body.type === 'BlockStatement') add(node);
    },
  });
  visitor.visit(parseSync(path, text).program);
  return sizes;
}

function quantile(sizes: readonly Size[], fraction: number): number {
  const sorted = sizes.map(({ lines }) => lines).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0;
}

function share(files: readonly SourceFile[], isCounted: (line: string) => boolean): string {
  const lines = files.flatMap(({ text }) => text.split('\n'));
  return `${Math.round((100 * lines.filter(isCounted).length) / lines.length)} %`;
}

function report(folder: string): void {
  const files = sourceFiles(folder);
  const sizes = files.map(({ path, text }) => ({ name: path, lines: text.split('\n').length - 1 }));
  const functions = files.flatMap(functionSizes);
  const file = [0.5, 0.9, 1].map((fraction) => quantile(sizes, fraction)).join(' / ');
  const fn = [0.5, 0.9, 1].map((fraction) => quantile(functions, fraction)).join(' / ');
  const docs = share(files, (line) => /^\s*(\/\*\*|\*)/.test(line));
  const comments = share(files, (line) => /^\s*\/\//.test(line));
  console.log(`${folder.padEnd(24)}${file.padEnd(18)}${fn.padEnd(18)}${docs.padEnd(8)}${comments}`);
  for (const { name, lines } of sizes.filter((size) => size.lines > 300)) {
    console.log(`  ${lines} lines: ${name}`);
  }
  if (folder === 'test') return; // a `describe` is a function, and as long as its subject
  for (const { name, lines } of functions.filter((size) => size.lines > 50)) {
    console.log(`  ${lines} lines in a function: ${name}`);
  }
}

console.log(
  `${'median / p90 / max'.padEnd(24)}${'file'.padEnd(18)}${'function'.padEnd(18)}docs    comments`,
);
for (const folder of ['src', 'supervisors', 'test', 'bench', 'examples']) report(folder);
console.log('\nbeside them');
for (const [name, file, fn] of ANCHORS) console.log(`${name.padEnd(24)}${file.padEnd(18)}${fn}`);
