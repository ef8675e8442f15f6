/**
 * The name that somebody may have meant.
 */

/** Of `names` the one that is nearest, if it is near: a third of its letters may be wrong. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const near = names
    .map((one) => ({ one, distance: distanceOf(wanted, one.toLowerCase()) }))
    .filter(({ one, distance }) => distance <= Math.max(2, Math.floor(one.length / 3)))
    .sort((left, right) => left.distance - right.distance);
  return near[0]?.one;
}

/** Levenshtein's: letters to put in, take out or replace. */
export function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...from].entries()) row = nextRow(row, index + 1, letter, to);
  return row.at(-1) ?? 0;
}

function nextRow(above: readonly number[], first: number, letter: string, to: string): number[] {
  const row = [first];
  for (let index = 0; index < to.length; index += 1) {
    const replaced = (above[index] ?? 0) + (to[index] === letter ? 0 : 1);
    row.push(Math.min(replaced, (above[index + 1] ?? 0) + 1, (row[index] ?? 0) + 1));
  }
  return row;
}
