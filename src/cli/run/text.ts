/**
 * Text for people: lengths of time, and lines that fit a terminal.
 */
import { stripVTControlCharacters } from 'node:util';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 14 min`. */
export function ageText(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 9_950) return `${(whole / SECOND).toFixed(1)} s`;
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return twoUnits(whole, [MINUTE, 'min'], [SECOND, 's']);
  return twoUnits(whole, [HOUR, 'h'], [MINUTE, 'min']);
}

type Unit = readonly [size: number, name: string];

function twoUnits(ms: number, [large, largeName]: Unit, [small, smallName]: Unit): string {
  return `${Math.floor(ms / large)} ${largeName} ${Math.floor((ms % large) / small)} ${smallName}`;
}

/**
 * Characters that take two columns: East Asian ones and those that terminals draw as pictures. One too many is
 * among them rather than one too few, so that no line wraps.
 */
const WIDE = /[\u1100-\u115f\u2e80-\ud7ff\uf900-\uffff\p{Emoji_Presentation}\u{1f000}-\u{3ffff}]/u;

/** A line of at most so many columns; colours take none. What is cut ends with `…`. */
export function fitted(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  if (widthOf(plain) <= columns) return line;
  return `${start(plain, Math.max(0, columns - 1))}…`;
}

/** Of a line without colours: as many of its first characters as have room. */
function start(plain: string, columns: number): string {
  let text = '';
  let left = columns;
  for (const character of plain) {
    left -= widthOf(character);
    if (left < 0) break;
    text += character;
  }
  return text;
}

function widthOf(plain: string): number {
  let width = 0;
  for (const character of plain) width += WIDE.test(character) ? 2 : 1;
  return width;
}
