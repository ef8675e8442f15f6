/**
 * What the text of a TypeScript file says about it: what it imports, what it exports, which names it
 * uses. Comments are not part of it. Nothing is run, so it works on files that are only planned.
 */
import { posix } from 'node:path';
import { parseSync, visitorKeys } from 'oxc-parser';

/** A file as text. The path is relative to the repository, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** A path in the repository for a relative import, else the package or `node:` module. */
  readonly target: string;
  readonly isTypeOnly: boolean;
  readonly isRelative: boolean;
}

export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly Import[];
  /** Names used as variables or types, and what is async about it; each once. */
  readonly uses: ReadonlySet<string>;
  readonly hasDefaultExport: boolean;
  /** Whether every statement is `export … from`. */
  readonly isReExportsOnly: boolean;
}

interface SyntaxNode {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Parses a file. Throws when it cannot be parsed, because no rule can be checked then. */
export function factsOf({ path, text }: SourceFile): SourceFacts {
  const { program, errors } = parseSync(path, text);
  const [error] = errors;
  if (error) throw new SyntaxError(`${path}: ${error.message}`);
  const body = program.body as unknown as readonly SyntaxNode[];
  const nodes = body.flatMap((statement) => [...descend(statement)]);
  return {
    path,
    imports: nodes.flatMap((node) => importIn(node, path)),
    uses: new Set(nodes.flatMap(usesIn)),
    hasDefaultExport: nodes.some(isDefaultExport),
    isReExportsOnly: body.every(isReExport),
  };
}

/** A node and all below it. Names that are mere keys (`x.name`, `{ name: … }`) are left out. */
function* descend(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const key of visitorKeys[node.type] ?? []) {
    if (isMereKey(node, key)) continue;
    const below = node[key];
    for (const child of Array.isArray(below) ? below : [below]) {
      if (isNode(child)) yield* descend(child);
    }
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** `x.name` and `{ name: … }` use no variable of that name; `x[name]` and `{ [name]: … }` do. */
function isMereKey(node: SyntaxNode, key: string): boolean {
  if (node.computed === true) return false;
  return key === 'key' || (key === 'property' && node.type === 'MemberExpression');
}

function importIn(node: SyntaxNode, path: string): Import[] {
  const source = sourceOf(node);
  if (source === undefined) return [];
  const isRelative = source.startsWith('.');
  const target = isRelative ? posix.join(posix.dirname(path), source) : source;
  return [{ specifier: source, target, isTypeOnly: isTypeOnly(node), isRelative }];
}

/** `import … from`, `export … from`, `import()`, `import('…').Type`, `require()`. */
function sourceOf(node: SyntaxNode): string | undefined {
  if (node.type === 'CallExpression') {
    const callee = node.callee as SyntaxNode;
    const [argument] = node.arguments as readonly SyntaxNode[];
    return callee.name === 'require' ? literal(argument) : undefined;
  }
  if (node.type === 'ImportExpression') return literal(node.source) ?? 'a computed import';
  if (node.type === 'TSExternalModuleReference') return literal(node.expression);
  return literal(node.source);
}

function literal(node: unknown): string | undefined {
  const { value } = (node ?? {}) as { readonly value?: unknown };
  return typeof value === 'string' ? value : undefined;
}

function isTypeOnly(node: SyntaxNode): boolean {
  if (node.type === 'TSImportType') return true;
  if (node.importKind === 'type' || node.exportKind === 'type') return true;
  const names = (node.specifiers ?? []) as readonly SyntaxNode[];
  return names.length > 0 && names.every((name) => (name.importKind ?? name.exportKind) === 'type');
}

function usesIn(node: SyntaxNode): string[] {
  if (node.type === 'AwaitExpression') return ['await'];
  if (node.type === 'ForOfStatement' && node.await === true) return ['await'];
  if (node.async === true) return ['async'];
  if (node.type === 'Identifier') return [String(node.name)];
  return node.type === 'MemberExpression' ? memberUse(node) : [];
}

/** `Math.random`, also written `Math['random']`. */
function memberUse(node: SyntaxNode): string[] {
  const object = node.object as SyntaxNode;
  const property = node.property as SyntaxNode;
  const key = literal(property) ?? property.name;
  return object.type === 'Identifier' ? [`${object.name}.${key}`] : [];
}

function isDefaultExport(node: SyntaxNode): boolean {
  if (node.type === 'ExportDefaultDeclaration') return true;
  return node.type === 'ExportSpecifier' && (node.exported as SyntaxNode).name === 'default';
}

function isReExport(node: SyntaxNode): boolean {
  if (node.type === 'ExportAllDeclaration') return true;
  return node.type === 'ExportNamedDeclaration' && literal(node.source) !== undefined;
}
