/**
 * What an id may be: a well-formed string of 1 to 256 UTF-16 units without control characters.
 *
 * Ids come from outside (a browser, a file, another program) and end in logs, keys and messages, so
 * what would break those is refused at the door: lone surrogates, C0 and C1 controls, DEL.
 */
import { SlotkeeperError } from '../fault.ts';

const MOST_UNITS = 256;
/** Printable ASCII, which most ids are made of. */
const FIRST_PLAIN = 0x20;
const LAST_PLAIN = 0x7e;
const FIRST_BEYOND_C1 = 0xa0;

export function isId(id: unknown): id is string {
  if (typeof id !== 'string' || id.length === 0 || id.length > MOST_UNITS) return false;
  for (let index = 0; index < id.length; index += 1) {
    const unit = id.charCodeAt(index);
    if (unit < FIRST_PLAIN || unit > LAST_PLAIN) return id.isWellFormed() && !hasControl(id);
  }
  return true;
}

/** What a refused id is told. */
export function invalidId(what: string, id: unknown): SlotkeeperError<'invalid_id'> {
  const expected = 'a well-formed string of 1 to 256 UTF-16 units without control characters';
  const got = typeof id === 'string' ? describe(id) : `${id === null ? 'null' : typeof id}`;
  return new SlotkeeperError('invalid_id', `${what} must be ${expected}, got ${got}`, {
    what,
    id: typeof id === 'string' ? id.slice(0, MOST_UNITS) : id,
    expected,
  });
}

function hasControl(id: string): boolean {
  for (let index = 0; index < id.length; index += 1) {
    const unit = id.charCodeAt(index);
    if (unit < FIRST_PLAIN || (unit > LAST_PLAIN && unit < FIRST_BEYOND_C1)) return true;
  }
  return false;
}

function describe(id: string): string {
  if (id.length > MOST_UNITS) return `one of ${id.length} units`;
  return JSON.stringify(id);
}
