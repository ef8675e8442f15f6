/**
 * The outputs of commands as they were kept: a stream that nothing was printed on has no file.
 */
import { existsSync, readFileSync } from 'node:fs';

export function outputAt(path: string | null | undefined): Buffer {
  return path && existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
}
