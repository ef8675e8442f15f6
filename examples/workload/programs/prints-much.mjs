/**
 * Prints 3 MB to standard output and, between, a tenth of that to standard error.
 */
const LINE = `${'0123456789'.repeat(6)}abc\n`;
const LINES_OF_A_PIECE = 1_500;
const PIECES = 32;

function printed(stream, text) {
  return new Promise((resolve) => stream.write(text, resolve));
}

for (let piece = 0; piece < PIECES; piece += 1) {
  await printed(process.stdout, LINE.repeat(LINES_OF_A_PIECE));
  await printed(process.stderr, `piece ${piece}\n`.repeat(LINES_OF_A_PIECE / 2));
}
