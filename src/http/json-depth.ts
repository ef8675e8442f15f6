/**
 * How deep arrays and objects are nested in a text of JSON, seen without reading it: its signs are looked at one
 * after the other, so no depth is too much. Of a text that is no JSON it says something, too, and nobody asks.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);

export function isDeeperThan(text: string, most: number): boolean {
  // Each level is opened and closed.
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length && depth <= most; at += 1) {
    const sign = text.charCodeAt(at);
    if (sign === QUOTE) at = endOfString(text, at);
    else if (OPENING.has(sign)) depth += 1;
    else if (CLOSING.has(sign)) depth -= 1;
  }
  return depth > most;
}

/** Where the quote is that closes what the one at `start` opens. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) {
    at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  }
  return at;
}
