/**
 * `--cmd 'program {}'`: a program and its arguments, of which each line of the input makes one job.
 *
 * Words are parted as a shell parts them, quotes included, and that is all of a shell there is: what only a
 * shell would expand or understand is refused, unless it is quoted. `{}` stands for the line, in as many words
 * as it is written; where it is written nowhere, the line is the last argument.
 */
import { type ParseEntry, parse } from 'shell-quote';
import { SlotkeeperError } from '../../fault.ts';

const PLACE = '{}';
/** Quotes that are opened are closed, and a backslash has something behind it. */
const WHOLE = /^(?:[^'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*$/s;
/** What has a backslash before it, or quotes around it. */
const QUOTED = /\\.|'[^']*'|"(?:[^"\\]|\\.)*"/gs;

/** What makes of a line a program and its arguments. Throws `bad_template`. */
export function commandTemplate(template: string): (line: string) => [string, ...string[]] {
  const words = wordsOf(template);
  const [program, ...args] = words.some((word) => word.includes(PLACE)) ? words : [...words, PLACE];
  if (words.length === 0 || !program) throw badTemplate(template, 'it names no program');
  return (line) => [filled(program, line), ...args.map((arg) => filled(arg, line))];
}

function filled(word: string, line: string): string {
  return word.split(PLACE).join(line);
}

function wordsOf(template: string): string[] {
  if (!WHOLE.test(template)) throw badTemplate(template, 'a quote in it is not closed');
  if (hasBacktick(template)) throw needsShell(template, '`');
  return parsed(template).map((word) => {
    if (typeof word === 'string') return word;
    throw needsShell(template, 'pattern' in word ? word.pattern : signOf(word));
  });
}

function parsed(template: string): ParseEntry[] {
  try {
    return parse(template, (name) => variable(template, name));
  } catch (fault) {
    if (fault instanceof SlotkeeperError) throw fault;
    throw needsShell(template, '${'); // all that the parser throws for itself: it is not closed
  }
}

/** The parser takes one for a letter; to a shell it is one in single quotes or behind a backslash. */
function hasBacktick(template: string): boolean {
  const live = (part: string) => (part.startsWith('"') ? part : '');
  return template.replace(QUOTED, live).includes('`');
}

function signOf(word: { readonly comment: string } | { readonly op: string }): string {
  return 'comment' in word ? `#${word.comment}` : word.op;
}

function variable(template: string, name: string): string {
  if (name === '') return '$';
  throw needsShell(template, `$${name}`);
}

function needsShell(template: string, part: string): SlotkeeperError<'bad_template'> {
  return badTemplate(
    template,
    `there is no shell for ${part}. Put it in single quotes, or run sh -c '…'`,
  );
}

function badTemplate(template: string, why: string): SlotkeeperError<'bad_template'> {
  const text = `--cmd must be a program and its arguments, got ${JSON.stringify(template)}: ${why}`;
  return new SlotkeeperError('bad_template', text, { template });
}
