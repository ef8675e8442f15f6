/**
 * Ids for runs that are given none: a random prefix per process and a counter, so an id costs next to
 * nothing and still tells processes apart in logs.
 */
const prefix = `${crypto.randomUUID().slice(0, 8)}-`;
let last = 0;

export function nextRunId(): string {
  last += 1;
  return prefix + last;
}
