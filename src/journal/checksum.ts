/**
 * The checksum of a row: FNV-1a over its columns, in units of 16 bits of a text and 32 bits of a number.
 *
 * Each step can be taken back, so two rows that differ in one unit never have the same checksum: every
 * flipped bit is seen. Node's CRC-32 sees no more of that, and takes four times as long for a row, since
 * its columns have to be made one text first; that is an eighth of all that a durable slot costs.
 */
export type Column = string | number | null;

const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
/** No unit of a text is that large. */
const END_OF_COLUMN = 0x10000;
const NULL = 0x10001;
const WORD = 2 ** 32;

export function checksumOf(columns: readonly Column[]): number {
  let sum = BASIS;
  for (const column of columns) sum = step(columnInto(sum, column), END_OF_COLUMN);
  return sum >>> 0;
}

/** Of an end: what was said of it counts where anything was. */
export function endChecksum(
  token: number,
  reason: string,
  at: number,
  note: string | null,
): number {
  return checksumOf(note === null ? [token, reason, at] : [token, reason, at, note]);
}

function columnInto(sum: number, column: Column): number {
  if (column === null) return step(sum, NULL);
  if (typeof column === 'string') return textInto(sum, column);
  if (!Number.isInteger(column)) return textInto(sum, String(column));
  return step(step(sum, column | 0), Math.floor(column / WORD) | 0);
}

function textInto(sum: number, text: string): number {
  let next = sum;
  for (let at = 0; at < text.length; at += 1) next = step(next, text.charCodeAt(at));
  return next;
}

function step(sum: number, unit: number): number {
  return Math.imul(sum ^ unit, PRIME);
}
