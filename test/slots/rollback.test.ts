/**
 * A batch that does not come to its end is taken back, also where an id was used anew in it.
 */
import { expect, test } from 'vitest';
import { violations } from '../../src/slots/invariants.ts';
import { DEFAULT_LIMITS } from '../../src/slots/limits.ts';
import { RunIds } from '../../src/slots/run-ids.ts';
import { SlotTables } from '../../src/slots/slot-tables.ts';

const ALICE = {
  sessionId: 's',
  owner: 'alice',
  priority: 0,
  labels: { of: 'alice' },
  canWait: true,
};
const BOB = { ...ALICE, owner: 'bob', labels: { of: 'bob' } };

function aliceWithARun() {
  const tables = new SlotTables(DEFAULT_LIMITS, new RunIds('own-'));
  const session = tables.holdSession(ALICE, 7, 1_000);
  tables.holdRun({ ...ALICE, runKey: 'r', kind: undefined }, 8, 1_000);
  session.claims = 1;
  session.tie = 'tied';
  tables.undo.clear();
  return { tables, session };
}

test.each([
  ['held', (tables: SlotTables) => tables.holdSession(BOB, 9, 2_000)],
  ['waited for', (tables: SlotTables) => tables.queueSession(BOB, 2_000)],
])(
  'a session that ended and was %s again, with a run of it left, being what it was',
  (_how, again) => {
    const { tables, session } = aliceWithARun();
    tables.endSession(session, 'expired');
    expect(again(tables)).toBe(session);
    expect([session.owner?.id, session.tie]).toEqual(['bob', undefined]);
    tables.undo.rollBack();
    expect(violations(tables)).toEqual([]);
    const { owner, labels, tie, claims, token, since, end, isHeld } = session;
    expect({ owner: owner?.id, labels, tie, claims, token, since, end, isHeld }).toEqual({
      owner: 'alice',
      labels: { of: 'alice' },
      tie: 'tied',
      claims: 1,
      token: 7,
      since: 1_000,
      end: undefined,
      isHeld: true,
    });
  },
);
