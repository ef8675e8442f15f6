/**
 * Refusals and faults as problems: which status a code has.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { problemOf, STATUSES } from '../../src/http/problem.ts';
import { RefusalError, refusalCodes } from '../../src/index.ts';
import { invalidOption } from '../../src/otp/options.ts';

const statusOf = (code: RefusalError['code']) =>
  problemOf(new RefusalError({ code, id: 'x' } as never), 'request').status;

test('a wait that was too long being a time-out of what is behind the door', () => {
  const problem = problemOf(new RefusalError({ code: 'wait_timeout' }), 'r1');
  expect(problem).toMatchObject({ status: 504, code: 'wait_timeout', requestId: 'r1' });
});

test('an option that cannot be being named without what was sent', () => {
  const error = invalidOption('cwd', '/a/secret/place', 'a folder that is there');
  const problem = problemOf(error, 'r1');
  expect(problem).toMatchObject({ status: 422, option: 'cwd', expected: 'a folder that is there' });
  expect(problem.detail).toBe('Option cwd must be a folder that is there');
  expect(JSON.stringify(problem)).not.toContain('secret');
});

/** By code, the statuses that the guide has it under. */
function statusesInGuide(): ReadonlyMap<string, readonly number[]> {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/http-api.md'), 'utf8');
  const [, table = ''] = guide.split('| Status | Codes |');
  const rows = [...table.matchAll(/^\| ([\d, ]+) \| (.+) \|$/gm)];
  const entries = rows.flatMap(([, statuses = '', codes = '']) =>
    [...codes.matchAll(/`(\w+)`/g)].map(([, code = '']) => {
      return [code, statuses.split(', ').map(Number)] as const;
    }),
  );
  return new Map(entries);
}

test.each(Object.entries(STATUSES))('%s being in the guide, as %i', (code, status) => {
  expect(statusesInGuide().get(code)).toContain(status);
});

test('each refusal of the limiter having a status that is no fault of ours', () => {
  const codes = Object.keys(refusalCodes) as RefusalError['code'][];
  const statuses = new Set(codes.map(statusOf));
  expect([...statuses].sort()).toEqual([409, 410, 429, 503, 504]);
});
