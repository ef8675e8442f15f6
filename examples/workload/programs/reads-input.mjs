/**
 * Reads its standard input, and says how many bytes it had and how they were summed up by SHA-256.
 */
import { createHash } from 'node:crypto';

const hash = createHash('sha256');
let bytes = 0;
for await (const piece of process.stdin) {
  bytes += piece.length;
  hash.update(piece);
}
console.log(`${bytes} bytes, ${hash.digest('hex')}`);
