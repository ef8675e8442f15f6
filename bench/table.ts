/**
 * The table that `npm run bench` prints.
 */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** The ratio that counts, and against what. */
  readonly ratio?: number;
  readonly against?: string;
  readonly must?: string;
  readonly aim?: string;
}

export function printTable(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const cells = rows.map(({ what, value, unit, ratio, against, must = '', aim = '' }) => [
    what,
    `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ${unit}`,
    ratio === undefined ? '' : `${significant(ratio)} × ${against ?? ''}`,
    must,
    aim,
  ]);
  const table = [['what', 'median', 'ratio', 'must', 'aim'], ...cells];
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of table) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}

/** A ratio is never shown as nothing. */
function significant(ratio: number): string {
  return ratio < 0.01 ? ratio.toPrecision(1) : ratio.toFixed(2);
}
