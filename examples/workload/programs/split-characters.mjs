/**
 * Writes its argument byte by byte, each on its own, so that characters of several bytes come in parts:
 * `split-characters.mjs TEXT`.
 */
import { setTimeout as sleep } from 'node:timers/promises';

for (const byte of Buffer.from(`${process.argv[2]}\n`)) {
  process.stdout.write(Uint8Array.of(byte));
  await sleep(1);
}
