/**
 * Refusals and faults as problems: which status a code has.
 */
import { expect, test } from 'vitest';
import { problemOf } from '../../src/http/problem.ts';
import { RefusalError, refusalCodes } from '../../src/index.ts';

const statusOf = (code: RefusalError['code']) =>
  problemOf(new RefusalError({ code, id: 'x' } as never), 'request').status;

test('a wait that was too long being a time-out of what is behind the door', () => {
  const problem = problemOf(new RefusalError({ code: 'wait_timeout' }), 'r1');
  expect(problem).toMatchObject({ status: 504, code: 'wait_timeout', requestId: 'r1' });
});

test('each refusal of the limiter having a status that is no fault of ours', () => {
  const codes = Object.keys(refusalCodes) as RefusalError['code'][];
  const statuses = new Set(codes.map(statusOf));
  expect([...statuses].sort()).toEqual([409, 410, 429, 503, 504]);
});
