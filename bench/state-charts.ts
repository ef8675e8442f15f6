/**
 * The life cycles as diagrams, drawn from the machines themselves.
 *
 * Mermaid's text: readable as it stands, and drawn by whoever shows the guides.
 */
import { runMachine } from '../src/sessions/run-machine.ts';
import { sessionMachine } from '../src/sessions/session-machine.ts';

/** What of a machine is drawn. */
interface Drawn {
  readonly key: string;
  readonly type: string;
  readonly states: Readonly<Record<string, Drawn>>;
  readonly initial: { readonly target: readonly Named[] | undefined };
  readonly transitions: ReadonlyMap<string, readonly Arrow[]>;
  readonly always?: readonly Arrow[] | undefined;
}

interface Named {
  readonly key: string;
}

interface Arrow {
  readonly target: readonly Named[] | undefined;
  readonly eventType: string;
  readonly guard?: unknown;
}

/** Both diagrams by the name of their life. */
export const stateCharts: Readonly<Record<string, string>> = {
  session: chartOf(sessionMachine.root),
  run: chartOf(runMachine.root),
};

function chartOf(root: Drawn): string {
  return ['stateDiagram-v2', ...statesIn(root, '  ')].join('\n');
}

function statesIn(parent: Drawn, indent: string): string[] {
  const [first] = parent.initial.target ?? [];
  const nodes = Object.values(parent.states);
  const lines = nodes.flatMap((node) => linesOf(node, indent));
  return [...(first ? [`${indent}[*] --> ${first.key}`] : []), ...lines];
}

function linesOf(node: Drawn, indent: string): string[] {
  const isNested = Object.keys(node.states).length > 0;
  const inner = isNested ? statesIn(node, `${indent}  `) : [];
  const nested = isNested ? [`${indent}state ${node.key} {`, ...inner, `${indent}}`] : [];
  const arrows = [...reasonsByTarget(node)].map(
    ([target, reasons]) => `${indent}${node.key} --> ${target}: ${[...reasons].join(', ')}`,
  );
  return [...nested, ...arrows, ...(node.type === 'final' ? [`${indent}${node.key} --> [*]`] : [])];
}

/** One arrow for each target. What leads nowhere else is none. */
function reasonsByTarget(node: Drawn): Map<string, Set<string>> {
  const byTarget = new Map<string, Set<string>>();
  for (const arrow of [...(node.always ?? []), ...[...node.transitions.values()].flat()]) {
    for (const { key } of arrow.target ?? []) {
      byTarget.set(key, (byTarget.get(key) ?? new Set()).add(reasonOf(arrow)));
    }
  }
  return byTarget;
}

/** An event, or what has to be true where none is needed. Of several arrows of one event the target says which. */
function reasonOf({ eventType, guard }: Arrow): string {
  return eventType === '' ? `[${String(guard)}]` : eventType;
}
