/**
 * JSON that people have written: parsed, with the line and column of what is wrong.
 *
 * `JSON.parse` takes the last of two members with one name and says nothing; here that is a fault, for a
 * value that has no effect is a mistake. So is a member `__proto__`, which objects treat in their own way.
 */

/** What is wrong, and where: lines and columns are counted from 1. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly expected: string;
}

export type JsonResult = { readonly value: unknown } | { readonly fault: JsonFault };

/** Deeper is no configuration. */
const DEEPEST = 100;

const SPACE = /[ \t\n\r]*/y;
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/sy;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** After a number or a word nothing goes on. */
const GOES_ON = /[\w.+-]/y;

/** Carries a fault out of the recursion. */
class Misfit extends Error {
  readonly at: number;
  readonly expected: string;

  constructor(at: number, expected: string) {
    super(expected);
    this.at = at;
    this.expected = expected;
  }
}

export function parseJson(text: string): JsonResult {
  try {
    return { value: new JsonReader(text).whole() };
  } catch (misfit) {
    if (!(misfit instanceof Misfit)) throw misfit;
    const before = text.slice(0, misfit.at).split('\n');
    const column = (before.at(-1) ?? '').length + 1;
    return { fault: { line: before.length, column, expected: misfit.expected } };
  }
}

class JsonReader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  whole(): unknown {
    const value = this.value(0);
    if (this.at < this.text.length) throw this.misfit('the end of the file');
    return value;
  }

  private value(depth: number): unknown {
    if (depth > DEEPEST) throw this.misfit(`at most ${DEEPEST} levels`);
    this.take(SPACE);
    const value = this.bare(depth);
    this.take(SPACE);
    return value;
  }

  private bare(depth: number): unknown {
    if (this.takes('{')) return this.members(depth);
    if (this.takes('[')) return this.elements(depth);
    const start = this.at;
    const text = this.take(STRING) ?? this.take(SCALAR);
    if (text === undefined) throw this.misfit('a value');
    if (!text.startsWith('"') && this.take(GOES_ON) !== undefined) {
      throw new Misfit(start, 'a value');
    }
    return this.parsed(text, start);
  }

  private members(depth: number): object {
    const members = new Map<string, unknown>();
    this.take(SPACE);
    if (this.takes('}')) return {};
    do {
      const name = this.name(members);
      members.set(name, this.value(depth + 1));
    } while (this.takes(','));
    if (!this.takes('}')) throw this.misfit('"," or "}"');
    return Object.fromEntries(members);
  }

  private name(members: ReadonlyMap<string, unknown>): string {
    this.take(SPACE);
    const start = this.at;
    const text = this.take(STRING);
    if (text === undefined) throw this.misfit('a name in double quotes');
    const name = String(this.parsed(text, start));
    if (members.has(name)) throw new Misfit(start, `another name: ${text} was there before`);
    if (name === '__proto__') throw new Misfit(start, 'another name than "__proto__"');
    this.take(SPACE);
    if (!this.takes(':')) throw this.misfit('":"');
    return name;
  }

  /** One string, number or word. */
  private parsed(text: string, start: number): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new Misfit(start, 'a string without control characters and wrong escapes');
    }
  }

  private elements(depth: number): unknown[] {
    const elements: unknown[] = [];
    this.take(SPACE);
    if (this.takes(']')) return elements;
    do elements.push(this.value(depth + 1));
    while (this.takes(','));
    if (!this.takes(']')) throw this.misfit('"," or "]"');
    return elements;
  }

  private takes(character: string): boolean {
    const isNext = this.text.startsWith(character, this.at);
    if (isNext) this.at += 1;
    return isNext;
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const [text] = pattern.exec(this.text) ?? [];
    this.at += text?.length ?? 0;
    return text;
  }

  private misfit(expected: string): Misfit {
    return new Misfit(this.at, expected);
  }
}
