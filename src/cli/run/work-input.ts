/**
 * The input of `run`: jobs, line by line, from a file or from standard input.
 *
 * A file is read whole, and is all right or is refused with everything that is wrong with it, before anything
 * is started. Standard input is read as it comes: a line that is wrong is told, and the others are jobs.
 */
import { createReadStream } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { workOrderOf } from '../../config/work-order.ts';
import { SlotkeeperError } from '../../fault.ts';
import { type Job, jobOf } from './job.ts';

/** Where it stands and what is wrong with it, for people. */
export type LineFault = string;

/** What a line says, and what else it has to agree with. Throws a `SlotkeeperError`. */
export interface LineReader {
  /** Of a line that is not empty. */
  read(line: string, number: number): Job;
}

/** Lines that are wrong, in an error about a file. The rest are counted. */
const SHOWN_FAULTS = 20;

/** All jobs of a file, higher priority first. Throws `bad_input`, `input_unavailable`. */
export async function jobsOfFile(path: string, reader: LineReader): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  const faults: LineFault[] = [];
  try {
    for await (const job of jobsOf(createReadStream(path), reader, (fault) => faults.push(fault)))
      jobs.push(job);
  } catch (error) {
    throw unavailable(path, error);
  }
  if (faults.length > 0) throw badInput(path, faults);
  return jobs.sort((a, b) => b.priority - a.priority);
}

/** Jobs as they come, until `signal` aborts. `wrong` is told of each line that is none. */
export async function* jobsOf(
  input: NodeJS.ReadableStream,
  reader: LineReader,
  wrong: (fault: LineFault) => void,
  signal?: AbortSignal,
): AsyncGenerator<Job> {
  let number = 0;
  for await (const text of linesOf(input, signal)) {
    number += 1;
    const line = number === 1 ? text.replace(/^\ufeff/, '') : text;
    if (line.trim() === '') continue;
    const job = tried(() => reader.read(line, number));
    if (job instanceof SlotkeeperError) wrong(`line ${number}: ${job.message}`);
    else yield job;
  }
}

/** A line ends with LF, or CR and LF; a CR by itself may be part of a name. */
async function* linesOf(
  input: NodeJS.ReadableStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const piece of until(input, signal)) {
    const lines = (rest + decoder.write(piece)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  rest += decoder.end();
  if (rest !== '') yield rest.replace(/\r$/, '');
}

/** What comes before the signal aborts. */
async function* until(
  input: NodeJS.ReadableStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    const readable = input as Readable; // of node:fs, or standard input
    yield* signal ? addAbortSignal(signal, readable) : readable;
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

function tried(read: () => Job): Job | SlotkeeperError {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof SlotkeeperError) return fault;
    throw fault;
  }
}

/**
 * Reads lines as work orders, or, with a template, as what stands in it. `known` says by which hash an id is
 * known in the journal; an id is told once.
 */
export function lineReader(
  template: ((line: string) => [string, ...string[]]) | undefined,
  known: ReadonlyMap<string, string | undefined>,
): LineReader {
  const lines = new Map<string, number>();
  return {
    read(line, number) {
      const job = jobOf(template ? { cmd: template(line) } : workOrderOf(line), number);
      const earlier = lines.get(job.id);
      if (earlier !== undefined) throw repeated(job, earlier);
      if (known.has(job.id) && known.get(job.id) !== job.hash) throw another(job);
      lines.set(job.id, number);
      return job;
    },
  };
}

function repeated({ id }: Job, line: number): SlotkeeperError<'bad_work_order'> {
  const text = `id ${JSON.stringify(id)} is that of line ${line} already; each job has its own`;
  return new SlotkeeperError('bad_work_order', text, { id, line });
}

function another({ id }: Job): SlotkeeperError<'bad_work_order'> {
  const text = `id ${JSON.stringify(id)} stands in the journal with another order: give this one an id of its own, or use another journal`;
  return new SlotkeeperError('bad_work_order', text, { id });
}

function badInput(path: string, faults: readonly LineFault[]): SlotkeeperError<'bad_input'> {
  const shown = faults.slice(0, SHOWN_FAULTS).map((fault) => `\n  ${fault}`);
  const rest = faults.length - shown.length;
  const more = rest > 0 ? `\n  and ${rest} more` : '';
  const text = `${path} is no work to be done, and nothing was started:${shown.join('')}${more}`;
  return new SlotkeeperError('bad_input', text, { path, faults });
}

function unavailable(path: string, error: unknown): SlotkeeperError<'input_unavailable'> {
  const text = `${path} cannot be read: ${(error as Error).message}`; // of the stream
  return new SlotkeeperError('input_unavailable', text, { path }, error);
}
