/**
 * The input of `slotkeeper run`: a file, which is all right or starts nothing, and standard input, line by line.
 *
 * On the built package: `npm test` builds first.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../support/command-place.ts';
import { freshFolder } from '../support/journal-places.ts';
import { type Ending, linesOf, Runner, ran, ranFile, script } from '../support/runner.ts';

const BAD_INPUT = 65;
const TRUE = '{"cmd":["true"]}';

function idsOf({ rows }: Ending): string[] {
  return rows.map(({ id }) => id).sort();
}

function stdoutOf({ rows }: Ending, id: string): string {
  const file = rows.find((row) => row.id === id)?.stdoutFile;
  return readFileSync(file ?? `there is no output of ${id}`, 'utf8');
}

/** The numbers of the lines that are told to be wrong. */
function linesTold({ told }: Ending): number[] {
  return [...told.matchAll(/line (\d+): /g)].map(([, number]) => Number(number));
}

describe('a file', () => {
  test('giving a row for each job, by the number of its line where it has no id', async () => {
    const work = [TRUE, { cmd: ['true'], id: 'named' }, '', '  ', TRUE];
    const ending = await ranFile(freshFolder(), work);
    expect(ending).toMatchObject({ status: 0, told: '' });
    expect(idsOf(ending)).toEqual(['1', '5', 'named']);
  });

  test.each([
    ['a carriage return that ends no line', `${TRUE}\r  \n${TRUE}`, ['1', '2']],
    ['lines that end as on Windows', `${TRUE}\r\n\r\n${TRUE}\r\n`, ['1', '3']],
    ['a byte order mark', `\ufeff${TRUE}\n${TRUE}\n`, ['1', '2']],
    ['no end of its last line', `${TRUE}\n${TRUE}`, ['1', '2']],
    ['nothing in it', '', []],
    ['blank lines only', '\n \n\t\n', []],
  ])('having %s', async (_, text, ids) => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'work'), text);
    const ending = await ran(folder, ['work']);
    expect(ending).toMatchObject({ status: 0, told: '' });
    expect(idsOf(ending)).toEqual(ids);
  });

  test('having characters that end lines elsewhere', async () => {
    const text = 'one\u2028two\u2029three\u0085four';
    const ending = await ranFile(freshFolder(), [{ cmd: ['printf', '%s', text] }]);
    expect(stdoutOf(ending, '1')).toBe(text);
  });

  test('having the longest line that there may be', async () => {
    const stdin = 'x'.repeat(119_000);
    const ending = await ranFile(freshFolder(), [{ cmd: ['cat'], stdin }, TRUE]);
    expect(ending.status).toBe(0);
    expect(stdoutOf(ending, '1')).toBe(stdin);
  });

  test('starting nothing when a line of it is wrong', async () => {
    const folder = freshFolder();
    const ending = await ranFile(folder, [script('echo begun > begun'), '{"cmd":1}']);
    expect(ending).toMatchObject({ status: BAD_INPUT, rows: [] });
    expect(ending.told).toContain('nothing was started');
    expect(ending.told).toContain('line 2: cmd must be a program and its arguments');
    expect(ending.told).toContain('[bad_input]');
    expect(existsSync(join(folder, 'begun'))).toBe(false);
  });

  test('naming twenty lines that are wrong, and counting the rest', async () => {
    const wrong = Array.from({ length: 25 }, () => '{"cmd":"true"}');
    const ending = await ranFile(freshFolder(), [TRUE, '', ...wrong]);
    expect(ending.status).toBe(BAD_INPUT);
    expect(linesTold(ending)).toEqual(Array.from({ length: 20 }, (_, at) => at + 3));
    expect(ending.told).toContain('and 5 more');
  });

  test.each([
    ['the same id twice', ['{"cmd":["true"],"id":"a"}', '{"cmd":["true"],"id":"a"}']],
    ['an id that is the number of another line', ['{"cmd":["true"],"id":"2"}', TRUE]],
  ])('refusing %s, and saying where it stood first', async (_, work) => {
    const ending = await ranFile(freshFolder(), work);
    expect(ending).toMatchObject({ status: BAD_INPUT, rows: [] });
    expect(linesTold(ending)).toEqual([2]);
    expect(ending.told).toContain('is that of line 1 already');
  });

  test('saying of each line what is wrong with it', async () => {
    const ending = await ranFile(freshFolder(), [
      `{"cmd":["${'x'.repeat(200_000)}"]}`,
      '{"cmd":["a\\u0000b"]}',
      '{"cmd":["a\0b"]}',
      '{"cmd":["true"],"id":"\\ud83c"}',
      '{"cmd":["true"],"dir":"/"}',
    ]);
    expect(ending).toMatchObject({ status: BAD_INPUT, rows: [] });
    expect(ending.told.split('\n').slice(1, -1)).toEqual([
      expect.stringContaining('line 1: it has 200012 characters, and may have 120000'),
      expect.stringMatching(/line 2: cmd must be .* strings without NUL/),
      expect.stringContaining('line 3: it must be one JSON object on one line'),
      expect.stringContaining('line 4: id must be a string of 1 to 256 characters'),
      expect.stringContaining('line 5: there is no dir: expected session'),
    ]);
  });

  test.each([
    ['that is not there', 'no-such-file', 'ENOENT'],
    ['that is a folder', '.', 'EISDIR'],
  ])('refusing one %s', async (_, path, why) => {
    const ending = await ran(freshFolder(), [path]);
    expect(ending).toMatchObject({ status: BAD_INPUT, rows: [] });
    expect(ending.told).toMatch(new RegExp(`cannot be read: ${why}.*\\[input_unavailable\\]`));
  });
});

describe('standard input', () => {
  const MIXED = linesOf(['{"cmd":1}', TRUE, 'no JSON', '', '{"cmd":["true"],"id":"2"}', TRUE]);

  test.each([[['-']], [[]]])(
    'running the good lines and naming the wrong ones, as %j',
    async (args) => {
      const ending = await ran(freshFolder(), args, MIXED);
      expect(ending.status).toBe(BAD_INPUT);
      expect(idsOf(ending)).toEqual(['2', '6']);
      expect(linesTold(ending)).toEqual([1, 3, 5]);
    },
  );

  test('giving results while it stays open', async () => {
    const runner = new Runner(freshFolder(), ['-']);
    runner.say(TRUE);
    await until(() => runner.rows.length === 1);
    runner.say('{"cmd":["false"],"id":"second"}');
    await until(() => runner.rows.length === 2);
    expect(runner.child.exitCode).toBe(null);
    runner.child.stdin.end();
    expect(await runner.ending).toMatchObject({
      status: 1,
      rows: [
        { id: '1', state: 'succeeded' },
        { id: 'second', state: 'failed', exitCode: 1 },
      ],
    });
  });

  test('reading a character whose bytes come apart', async () => {
    const runner = new Runner(freshFolder(), []);
    const bytes = Buffer.from('{"cmd":["printf","文字"]}\n');
    for (const byte of bytes) runner.child.stdin.write(Buffer.of(byte));
    await until(() => runner.rows.length === 1);
    runner.child.stdin.end();
    expect(stdoutOf(await runner.ending, '1')).toBe('文字');
  });

  test('being the arguments of --cmd', async () => {
    const lines = ['two words', '-n', "it's", '"$HOME"', 'a*', '{}', '文字'];
    const ending = await ran(freshFolder(), ['--cmd', "printf '[%s]' {} -{}-"], linesOf(lines));
    expect(ending.status).toBe(0);
    const printed = lines.map((_, at) => stdoutOf(ending, String(at + 1)));
    expect(printed).toEqual(lines.map((line) => `[${line}][-${line}-]`));
  });

  test('naming files that need care', async () => {
    const folder = freshFolder();
    const names = ['with blanks', "quote'd", '-dash', '$HOME', 'star*'];
    for (const name of names) writeFileSync(join(folder, name), name);
    const ending = await ran(folder, ['--cmd', 'cat -- {}'], linesOf(names));
    expect(names.map((_, at) => stdoutOf(ending, String(at + 1)))).toEqual(names);
  });
});

describe('--cmd', () => {
  test('taking the lines of a file too', async () => {
    const ending = await ranFile(freshFolder(), ['one', '', 'two'], '--cmd', 'echo');
    expect(stdoutOf(ending, '1') + stdoutOf(ending, '3')).toBe('one\ntwo\n');
  });

  test.each(['echo {} | wc', 'echo ${'])(
    'refusing %j before anything is read',
    async (template) => {
      const ending = await ran(freshFolder(), ['--cmd', template], 'a line\n');
      expect(ending).toMatchObject({ status: 2, rows: [] });
      expect(ending.told).toMatch(/^slotkeeper: --cmd must be .*\[bad_template\]\n$/);
    },
  );
});
