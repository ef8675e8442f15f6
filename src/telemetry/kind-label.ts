/**
 * The kind of a run as a label. Kinds are what clients say; only those that somebody has configured are
 * bounded in number.
 */
export type KindLabel = (kind: string | undefined) => string;

/** `known`: kinds that are always told; `limits`: the limits of kinds as they stand now. */
export function kindLabel(
  known: readonly string[],
  limits: () => Readonly<Record<string, number>>,
): KindLabel {
  return (kind) => {
    if (kind === undefined) return 'none';
    return known.includes(kind) || Object.hasOwn(limits(), kind) ? kind : 'other';
  };
}
