/**
 * Fencing tokens: safe integers that rise with every grant, unique within the process.
 */
let last = 0;

export function nextToken(): number {
  last += 1;
  return last;
}
