/**
 * A work order as text: one line of JSON that says which program is to run, and under which limits.
 *
 * The one place that says what may stand in it. Whoever reads one is told of everything that is wrong with
 * it at once, and what was expected instead.
 */
import { z } from 'zod';
import { SlotkeeperError } from '../fault.ts';

/** What is kept of an order in a journal, as text, is bounded by this many characters. */
const LONGEST_ORDER = 120_000;
/** Characters of what was got, in an error. */
const LONGEST_SHOWN = 60;

/** What is expected stands behind the colon of each description, and is what a fault says. */
const ID = 'a string of 1 to 256 characters, none of them a control character';

const id = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => text.isWellFormed() && !hasControl(text));

/** The kernel ends a string at NUL. */
const text = z.string().refine((value) => !value.includes('\0'));
const folderOrFile = text.min(1);

export const workOrderSchema = z.strictObject({
  session: id.optional().meta({ description: `The session that it runs in: ${ID}` }),
  id: id.optional().meta({ description: `Its own name, once in all of the work: ${ID}` }),
  cmd: z.tuple([text.min(1)], text).meta({
    description: 'What runs: a program and its arguments: an array of strings without NUL',
  }),
  cwd: folderOrFile.optional().meta({ description: 'Where it runs: the path of a folder' }),
  env: z
    .record(z.string().regex(/^[^=\0]+$/), text)
    .optional()
    .meta({
      description:
        'What its environment has besides: an object of strings by names without = and NUL',
    }),
  stdin: z
    .union([z.string(), z.strictObject({ file: folderOrFile })])
    .optional()
    .meta({ description: 'Its standard input: a text, or { "file": path }' }),
  deadlineMs: z
    .number()
    .positive()
    .optional()
    .meta({ description: 'How long its work may take: milliseconds above 0' }),
  priority: z.int().optional().meta({ description: 'Higher goes first: an integer' }),
  owner: id.optional().meta({ description: `On whose account it runs: ${ID}` }),
  kind: id.optional().meta({ description: `What class of run it is: ${ID}` }),
});

/** A work order as it was written. */
export type WorkOrder = z.infer<typeof workOrderSchema>;

/** Reads one. Throws `bad_work_order`, which names all that is wrong with it. */
export function workOrderOf(line: string): WorkOrder {
  if (line.length > LONGEST_ORDER) throw badOrder([tooLong(line)]);
  const value = parsed(line);
  const read = workOrderSchema.safeParse(value);
  if (!read.success) throw badOrder(read.error.issues.flatMap((issue) => faultsOf(issue, value)));
  return read.data;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    const { message } = error as SyntaxError; // JSON.parse throws nothing else
    throw badOrder([`it must be one JSON object on one line: ${message}`]);
  }
}

/** One sentence for each key that is wrong. */
function faultsOf(issue: z.core.$ZodIssue, value: unknown): string[] {
  if (issue.code === 'unrecognized_keys' && issue.path.length === 0) return issue.keys.map(unknown);
  const [key] = issue.path;
  if (key === undefined) return [`it must be a JSON object, got ${shown(value)}`];
  const name = String(key);
  const got = Reflect.get(value as object, name); // it has a path, so it is an object
  return [`${name} must be ${expectedOf(name)}, got ${shown(got)}`];
}

function expectedOf(name: string): string {
  const { shape } = workOrderSchema;
  const description = name in shape ? shape[name as keyof WorkOrder].description : undefined;
  return description?.replace(/^[A-Z].*?: /, '') ?? 'left out';
}

function unknown(name: string): string {
  return `there is no ${name}: expected ${Object.keys(workOrderSchema.shape).join(', ')}`;
}

function tooLong({ length }: string): string {
  const instead = 'put what is long into a file: "stdin": { "file": path }';
  return `it has ${length} characters, and may have ${LONGEST_ORDER}: ${instead}`;
}

function badOrder(faults: readonly string[]): SlotkeeperError<'bad_work_order'> {
  return new SlotkeeperError('bad_work_order', [...new Set(faults)].join('; '), { faults });
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const whole = JSON.stringify(value);
  return whole.length > LONGEST_SHOWN ? `${whole.slice(0, LONGEST_SHOWN)}…` : whole;
}

function hasControl(value: string): boolean {
  for (const unit of value) {
    const code = unit.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}
