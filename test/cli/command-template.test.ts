/**
 * `--cmd`: words parted as a shell parts them, a place for the line, and no shell.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandTemplate } from '../../src/cli/run/command-template.ts';
import { SlotkeeperError } from '../../src/fault.ts';

function refusalOf(template: string): string {
  try {
    commandTemplate(template);
  } catch (error) {
    if (error instanceof SlotkeeperError && error.code === 'bad_template') return error.message;
    throw error;
  }
  throw new Error(`It is taken for a program: ${template}`);
}

describe('commandTemplate', () => {
  test.each<[string, string[]]>([
    ['wc', ['wc', 'LINE']],
    ['wc -l', ['wc', '-l', 'LINE']],
    ['wc {}', ['wc', 'LINE']],
    ['cp {} {}.bak', ['cp', 'LINE', 'LINE.bak']],
    ['echo {}{}', ['echo', 'LINELINE']],
    ['{} --version', ['LINE', '--version']],
    ['bin/{}', ['bin/LINE']],
    ["echo '{}'", ['echo', 'LINE']],
    ['echo "<{}>"', ['echo', '<LINE>']],
    ["echo 'two  words' {}", ['echo', 'two  words', 'LINE']],
    ['echo two\\ words {}', ['echo', 'two words', 'LINE']],
    ["echo '' {}", ['echo', '', 'LINE']],
    [
      "sh -c 'echo $HOME | wc -c > /dev/null' {}",
      ['sh', '-c', 'echo $HOME | wc -c > /dev/null', 'LINE'],
    ],
    ["grep '*' {}", ['grep', '*', 'LINE']],
    ["echo it\\'s {}", ['echo', "it's", 'LINE']],
    ['echo "a \\"word\\"" {}', ['echo', 'a "word"', 'LINE']],
    ["echo '`' \\` {}", ['echo', '`', '`', 'LINE']],
    ['  echo\t{}  ', ['echo', 'LINE']],
  ])('making of %j its words', (template, words) => {
    expect(commandTemplate(template)('LINE')).toEqual(words);
  });

  test.each([
    'two words',
    '"quoted"',
    "it's",
    '-rf',
    '$HOME',
    '*',
    '{}',
    'a\\b',
    '; rm -rf /',
    '`id`',
    ' ',
    '$&',
  ])('putting the line %j into it as one word, as it is', (line) => {
    expect(commandTemplate('echo a{}b')(line)).toEqual(['echo', `a${line}b`]);
    expect(commandTemplate('echo')(line)).toEqual(['echo', line]);
  });

  test.each(['', '   ', "''", '"" a', "'' {}"])(
    'refusing %j, which names no program',
    (template) => {
      expect(refusalOf(template)).toContain('it names no program');
    },
  );

  test.each(["echo 'a", 'echo "a', 'echo a\\', "echo 'a\\''", 'echo "a\\"'])(
    'refusing %j, whose quotes are not closed',
    (template) => {
      expect(refusalOf(template)).toContain('a quote in it is not closed');
    },
  );

  test.each([
    ['echo {} | wc', '|'],
    ['echo {} > out', '>'],
    ['echo {} >> out', '>>'],
    ['wc < {}', '<'],
    ['a && b', '&&'],
    ['a || b', '||'],
    ['a; b', ';'],
    ['a &', '&'],
    ['(a)', '('],
    ['echo $HOME', '$HOME'],
    ['echo "$HOME"', '$HOME'],
    ['ls *.ts', '*.ts'],
    ['ls a?', 'a?'],
    ['echo a # b', '# b'],
    ['echo $(id)', '('],
    ['echo ${', '${'],
    ['echo {} ${HOME', '${'],
    ['echo `id`', '`'],
    [`echo "it's" \`id\``, '`'],
    ['echo "`id`"', '`'],
  ])('refusing %j, which only a shell understands, and naming %j', (template, part) => {
    const message = refusalOf(template);
    expect(message).toContain(`there is no shell for ${part}`);
    expect(message).toContain("sh -c '…'");
  });

  test('making words of whatever text, or refusing it', () => {
    const text = fc.string({ unit: fc.constantFrom(...'ab {}\'"\\$`|&;<>()*?#~=!\n\t') });
    fc.assert(
      fc.property(text, (template) => {
        try {
          const [program] = commandTemplate(template)('LINE');
          return typeof program === 'string' && program !== '';
        } catch (error) {
          return error instanceof SlotkeeperError && error.code === 'bad_template';
        }
      }),
      { seed: 20_261_121, numRuns: 2_000 },
    );
  });
});
