/**
 * The output of commands, and those who read it: whole characters, caps, both streams in order, while it
 * grows, from any record on.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CommandOrder,
  type CommandResult,
  type OutputRecord,
  type Run,
  type Session,
  type Slotkeeper,
  startSlotkeeper,
} from '../../src/index.ts';
import { hasPrinted, printed } from '../support/commands.ts';
import { freshFolder } from '../support/journal-places.ts';

let keeper: Slotkeeper;
let session: Session;

beforeAll(async () => {
  keeper = await startSlotkeeper({ limits: { maxParallelRuns: 4 } });
  session = await keeper.openSession();
});

afterAll(() => keeper.stop());

const shell = (script: string, rest: Omit<CommandOrder, 'cmd'> = {}): Promise<Run<CommandResult>> =>
  session.run({ cmd: ['sh', '-c', script], ...rest });

async function resultOf(script: string, rest: Omit<CommandOrder, 'cmd'> = {}) {
  return (await shell(script, rest)).result();
}

async function records(run: Run, from = 0): Promise<OutputRecord[]> {
  const all: OutputRecord[] = [];
  for await (const record of run.output({ follow: true, from })) all.push(record);
  return all;
}

/** A program that goes on at each of these, and how to let it. */
function steps() {
  const folder = freshFolder();
  const at = (step: string) => `while [ ! -e ${join(folder, step)} ]; do sleep 0.01; done`;
  const go = (step: string) => writeFileSync(join(folder, step), '');
  return { at, go };
}

describe('what is kept of an output', () => {
  test('being both streams, in files and in the order in which they came', async () => {
    const { at, go } = steps();
    const run = await shell(`echo a; ${at('1')}; echo b >&2; ${at('2')}; echo c`);
    await hasPrinted(run, 'a');
    go('1');
    await hasPrinted(run, 'b');
    go('2');
    const { stdout, stderr } = await run.result();
    const all = await records(run);
    expect(all.map(({ number, stream, text }) => [number, stream, text])).toEqual([
      [0, 'stdout', 'a\n'],
      [1, 'stderr', 'b\n'],
      [2, 'stdout', 'c\n'],
    ]);
    expect(readFileSync(stdout.path, 'utf8')).toBe('a\nc\n');
    expect(readFileSync(stderr.path, 'utf8')).toBe('b\n');
  });

  test('being all bytes, also those that are no text', async () => {
    const script = 'perl -e \'print map(chr, 0..255), "no end"\'';
    const { stdout } = await resultOf(script);
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      Buffer.from('no end'),
    ]);
    expect(readFileSync(stdout.path)).toEqual(bytes);
    expect(stdout).toMatchObject({ bytes: 262, bytesSeen: 262, lines: 1, isTruncated: false });
  });

  test('being characters as a whole, though they come in pieces', async () => {
    const { at, go } = steps();
    const run = await shell(
      `printf 'x\\342'; ${at('1')}; printf '\\202'; ${at('2')}; printf '\\254y'`,
    );
    // Its first byte does not show before the character is whole.
    expect(await hasPrinted(run, 'x')).toBe('x');
    go('1');
    go('2');
    expect((await records(run)).map(({ text }) => text).join('|')).toBe('x|€y');
  });

  test('being nothing of what prints nothing', async () => {
    const run = await shell('true');
    expect(await run.result()).toMatchObject({ stdout: { bytes: 0 }, stderr: { bytes: 0 } });
    expect(await records(run)).toEqual([]);
  });

  test('being as many bytes as may be, and said to be cut', async () => {
    const { stdout, stderr } = await resultOf('yes ä | head -c 300000; echo well >&2', {
      maxOutputBytes: 1_000,
    });
    expect(stdout).toMatchObject({ bytesSeen: 300_000, isTruncated: true });
    expect(stdout.bytes).toBeGreaterThan(996);
    expect(readFileSync(stdout.path, 'utf8')).toMatch(/^(ä\n)+ä?$/);
    expect(stderr).toMatchObject({ bytes: 5, isTruncated: false });
  });

  test('being as many lines as may be, and said to be cut', async () => {
    const { stdout } = await resultOf('seq 1 5000', { maxOutputLines: 3 });
    expect(stdout).toMatchObject({ bytes: 6, lines: 3, isTruncated: true });
    expect(readFileSync(stdout.path, 'utf8')).toBe('1\n2\n3\n');
  });
});

describe('a viewer', () => {
  test('getting the rest from each record on', async () => {
    const { at, go } = steps();
    const run = await shell(`echo 0; ${at('1')}; echo 1 >&2; ${at('2')}; printf ä`);
    await hasPrinted(run, '0');
    go('1');
    await hasPrinted(run, '1');
    go('2');
    const all = await records(run);
    expect(all.map(({ text }) => text)).toEqual(['0\n', '1\n', 'ä']);
    for (let from = 0; from <= all.length + 1; from += 1) {
      expect(await records(run, from)).toEqual(all.slice(from));
    }
  });

  test('following while it grows, to its end', async () => {
    const { at, go } = steps();
    const run = await shell(`echo a; ${at('1')}; echo b; ${at('2')}; echo c`);
    const seen: string[] = [];
    for await (const { number, text } of run.output({ follow: true })) {
      seen.push(text);
      go(String(number + 1));
    }
    expect(seen).toEqual(['a\n', 'b\n', 'c\n']);
    expect(await run.outcome).toMatchObject({ state: 'succeeded' });
  });

  test('coming before the command has begun', async () => {
    const { at, go } = steps();
    const blockers = await Promise.all([1, 2, 3, 4].map(() => shell(at('free'))));
    const run = await session.run({ cmd: ['echo', 'a'] }, { waitTimeoutMs: Infinity });
    expect(run.state).toBe('queued');
    const read = printed(run);
    await expect(printed(run, {})).rejects.toMatchObject({ code: 'no_output' });
    go('free');
    expect(await read).toBe('a\n');
    await Promise.all(blockers.map((blocker) => blocker.outcome));
  });

  test('leaving before the command has begun, or coming for one that never begins', async () => {
    const { at, go } = steps();
    const blockers = await Promise.all([1, 2, 3, 4].map(() => shell(at('free'))));
    const run = await session.run({ cmd: ['echo', 'a'] }, { waitTimeoutMs: Infinity });
    const leaving = new AbortController();
    const read = printed(run, { follow: true, signal: leaving.signal });
    const other = printed(run);
    leaving.abort();
    expect(await read).toBe('');
    expect(await printed(run, { follow: true, signal: leaving.signal })).toBe('');
    await Promise.all([run.cancel(), expect(other).rejects.toMatchObject({ code: 'no_output' })]);
    go('free');
    await Promise.all(blockers.map((blocker) => blocker.outcome));
  });

  test('leaving while it grows, and coming again', async () => {
    const { at, go } = steps();
    const run = await shell(`echo a; ${at('1')}; echo b`);
    const leaving = new AbortController();
    const seen: string[] = [];
    for await (const { text } of run.output({ follow: true, signal: leaving.signal })) {
      seen.push(text);
      setImmediate(() => leaving.abort());
    }
    expect(seen).toEqual(['a\n']);
    expect(run.state).toBe('running');
    go('1');
    expect((await records(run, 1)).map(({ text }) => text)).toEqual(['b\n']);
  });

  test('being one of several, of whom nobody waits for the slow one', async () => {
    const run = await shell('seq 1 20000');
    const slow = run.output({ follow: true });
    const first = await slow.next();
    const [one, two] = await Promise.all([printed(run), printed(run)]);
    await run.outcome;
    expect(one).toBe(two);
    let text = first.value?.text ?? '';
    for await (const record of slow) text += record.text;
    expect(text).toBe(one);
    expect(text).toMatch(/^1\n2\n3\n/);
  });

  test('getting nothing of a function, and nothing where a record is none', async () => {
    const run = await session.run(() => 1);
    await expect(printed(run)).rejects.toMatchObject({ code: 'no_output' });
    const command = await shell('echo a');
    for (const from of [-1, 0.5, Number.NaN, Infinity, '0', null]) {
      const options = { from } as { from: number }; // wrong on purpose
      expect(() => command.output(options)).toThrow('Option from must be');
    }
    const misspelt = { folow: true } as object; // wrong on purpose
    expect(() => command.output(misspelt)).toThrow('There is no option folow');
    await command.outcome;
  });

  test('coming when all is over', async () => {
    const run = await shell('echo a');
    const { stdout } = await run.result();
    expect(existsSync(stdout.path)).toBe(true);
    expect(await printed(run)).toBe('a\n');
    expect(await printed(run, {})).toBe('a\n');
  });
});
