/**
 * Random histories of the tables against their invariants, and the undo list against the tables.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overfullGates, violations } from '../../src/slots/invariants.ts';
import {
  DrivenTables,
  fairness,
  limits,
  portrait,
  type Step,
  step,
} from '../support/slot-histories.ts';

const RUNS = Number(process.env.HISTORIES ?? 300);
const SEED = Number(process.env.SEED ?? 20_260_711);
const history = fc.array(step, { minLength: 40, maxLength: 120, size: 'max' });

describe('a history of the tables', () => {
  test('keeping every invariant after each step', () => {
    fc.assert(
      fc.property(limits, fairness, history, (start, fair, steps) => {
        const driven = new DrivenTables(start, fair);
        for (const one of steps) {
          driven.do(one);
          expect(violations(driven.tables)).toEqual([]);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test('granting nobody beyond a limit', () => {
    fc.assert(
      fc.property(limits, fairness, history, (start, fair, steps) => {
        const driven = new DrivenTables(start, fair);
        for (const one of steps.filter(({ type }) => type !== 'set_limits')) {
          driven.do(one);
          expect(overfullGates(driven.tables)).toEqual([]);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test('holding no more after limits were lowered, until there is room', () => {
    fc.assert(
      fc.property(
        limits,
        fairness,
        history,
        limits,
        history,
        (start, fair, before, lowered, after) => {
          const driven = new DrivenTables(start, fair);
          for (const one of before) driven.do(one);
          driven.do({ type: 'set_limits', changes: lowered });
          const held = new Map(overfullGates(driven.tables).map((gate) => [gate, gate.held]));
          for (const one of after.filter(({ type }) => type !== 'set_limits')) {
            driven.do(one);
            for (const gate of overfullGates(driven.tables)) {
              expect(gate.held).toBeLessThanOrEqual(held.get(gate) ?? 0);
              held.set(gate, gate.held);
            }
          }
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test('leaving nothing when all has ended', () => {
    fc.assert(
      fc.property(limits, fairness, history, (start, fair, steps) => {
        const driven = new DrivenTables(start, fair);
        for (const one of steps) driven.do(one);
        for (const sessionId of ['s1', 's2', 's3', 's4']) {
          driven.do({ type: 'release_session', sessionId });
        }
        const { limits: _limits, ...rest } = portrait(driven.tables) as Record<string, unknown>;
        expect(rest).toEqual({ runs: [], sessions: [], owners: [], kinds: [], counts: [0, 0, 0] });
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});

describe('the undo list', () => {
  test('taking a batch back as if it had never been', () => {
    fc.assert(
      fc.property(
        limits,
        fairness,
        history,
        history,
        history,
        (start, fair, before, batch, after) => {
          const driven = new DrivenTables(start, fair);
          for (const one of before) driven.do(one);
          driven.beginBatch();
          const was = portrait(driven.tables);
          for (const one of batch) driven.do(one);
          driven.takeBatchBack();
          expect(portrait(driven.tables)).toEqual(was);
          expect(violations(driven.tables)).toEqual([]);
          keepsInvariants(driven, after);
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test('having nothing to take back after it was cleared', () => {
    const driven = new DrivenTables({});
    driven.do({ ...ANY_RUN, runId: 'r1' });
    driven.tables.undo.clear();
    const was = portrait(driven.tables);
    driven.tables.undo.rollBack();
    expect(portrait(driven.tables)).toEqual(was);
  });
});

const ANY_RUN = {
  type: 'acquire_run',
  sessionId: 's1',
  owner: undefined,
  kind: undefined,
  priority: 0,
  canWait: false,
} as const;

function keepsInvariants(driven: DrivenTables, steps: readonly Step[]): void {
  for (const one of steps) driven.do(one);
  expect(violations(driven.tables)).toEqual([]);
}
