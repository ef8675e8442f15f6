/**
 * The options of sessions, runs and closings: what is refused, by which name, and that nothing comes of it.
 */
import { describe, expect, test } from 'vitest';
import { startSlotkeeper } from '../../../src/index.ts';
import { faultOf } from '../../support/servers.ts';
import { countsOf, keep, NOBODY } from '../../support/sessions.ts';

const OPEN = { ...NOBODY, activeSessions: 1, openSessions: 1 };
const BAD_IDS = ['', 'x'.repeat(257), 'a\u0000b', '\ud800', 5, null, {}];
const BAD_TERMS = [0, -1, NaN, '5', null, {}];

describe('openSession', () => {
  test.each<[string, unknown]>([
    ...BAD_TERMS.map((value): [string, unknown] => ['idleTimeoutMs', value]),
    ...BAD_TERMS.map((value): [string, unknown] => ['maxLifetimeMs', value]),
    ['owner', ''],
    ['owner', 5],
    ['priority', 1.5],
    ['labels', 'a=b'],
    ['labels', { a: 5 }],
    ['holder', {}],
    ['durable', 'yes'],
    ['waitTimeoutMs', -1],
    ['waitTimeoutMs', NaN],
    ['signal', {}],
    ['kind', 'agent'],
    ['leaseMs', 5],
    ['work', {}],
    ['idleTimeout', 5],
  ])('refusing %s: %o', async (option, value) => {
    await using keeper = await keep();
    const fault = await faultOf(keeper.openSession({ [option]: value }));
    expect([fault.code, fault.details.option]).toEqual(['invalid_option', option]);
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test.each(BAD_IDS)('refusing the id %o', async (sessionId) => {
    await using keeper = await keep();
    const opening = keeper.openSession({ sessionId: sessionId as string }); // wrong on purpose
    expect((await faultOf(opening)).code).toBe('invalid_id');
    expect(countsOf(keeper)).toEqual(NOBODY);
  });

  test.each<unknown>([null, 5, 'options'])('refusing %o for options', async (options) => {
    await using keeper = await keep();
    const opening = keeper.openSession(options as object); // wrong on purpose
    expect((await faultOf(opening)).code).toBe('invalid_option');
  });

  test('refusing a durable session with a holder', async () => {
    await using keeper = await keep();
    const holder = new AbortController().signal;
    const fault = await faultOf(keeper.openSession({ durable: true, holder }));
    expect([fault.code, countsOf(keeper)]).toEqual(['invalid_option', NOBODY]);
  });

  test('taking ids and times at their limits', async () => {
    await using keeper = await keep();
    const sessionId = 'x'.repeat(256);
    const options = { sessionId, idleTimeoutMs: Infinity, maxLifetimeMs: Number.MAX_VALUE };
    expect((await keeper.openSession(options)).sessionId).toBe(sessionId);
  });
});

describe('session.run', () => {
  test.each<[string, unknown]>([
    ...BAD_TERMS.map((value): [string, unknown] => ['deadlineMs', value]),
    ['pausable', 1],
    ['pausable', 'yes'],
    ['kind', ''],
    ['owner', 5],
    ['priority', '1'],
    ['labels', 5],
    ['holder', 5],
    ['leaseMs', 0],
    ['waitTimeoutMs', '5'],
    ['signal', 'signal'],
    ['durable', true],
    ['work', {}],
    ['sessionId', 's2'],
    ['deadline', 5],
  ])('refusing %s: %o', async (option, value) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    let calls = 0;
    const asked = session.run(() => (calls += 1), { [option]: value });
    const fault = await faultOf(asked);
    expect([fault.code, fault.details.option]).toEqual(['invalid_option', option]);
    expect([calls, session.runs(), countsOf(keeper)]).toEqual([0, [], OPEN]);
  });

  test.each(BAD_IDS)('refusing the id %o', async (runId) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const asked = session.run(() => 5, { runId: runId as string }); // wrong on purpose
    expect((await faultOf(asked)).code).toBe('invalid_id');
    expect([session.runs(), countsOf(keeper)]).toEqual([[], OPEN]);
  });

  test.each([
    [undefined, 'work'],
    [null, 'work'],
    ['work', 'work'],
    [5, 'work'],
    [{}, 'cmd'],
    [Promise.resolve(), 'cmd'],
  ])('refusing %o for work', async (work, option) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const asked = session.run(work as () => void); // wrong on purpose
    const fault = await faultOf(asked);
    expect([fault.code, fault.details.option]).toEqual(['invalid_option', option]);
  });

  test.each<unknown>([null, 5, 'options'])('refusing %o for options', async (options) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const asked = session.run(() => 5, options as object); // wrong on purpose
    expect((await faultOf(asked)).code).toBe('invalid_option');
  });
});

describe('session.close', () => {
  test.each([
    { dryRun: 1 },
    { dryRun: 'yes' },
    { timeoutMs: -1 },
    { timeoutMs: NaN },
    { timeoutMs: '5' },
    { timeout: 5 },
    null,
    5,
  ])('refusing %o, and staying open', async (options) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const closing = session.close(options as object); // wrong on purpose
    expect([(await faultOf(closing)).code, session.state]).toEqual(['invalid_option', 'active']);
  });
});

describe('run.cancel and run.interrupt', () => {
  test.each(['', 'x'.repeat(257), 5, null, {}])('refusing the note %o', async (note) => {
    await using keeper = await keep();
    const session = await keeper.openSession();
    const run = await session.run(() => new Promise((resolve) => setImmediate(resolve)));
    for (const order of ['cancel', 'interrupt'] as const) {
      const fault = await faultOf(run[order](note as string)); // wrong on purpose
      expect([fault.code, fault.details.option]).toEqual(['invalid_option', 'note']);
    }
    expect([(await run.outcome).state, run.history]).toEqual(['succeeded', []]);
  });
});

describe('startSlotkeeper', () => {
  test.each([
    { retention: { maxAgeMs: -1 } },
    { retention: { maxCount: 1.5 } },
    { retention: { maxage: 5 } },
    { retention: 5 },
    { idleTimeoutMs: 5 },
  ])('refusing %o', async (options) => {
    const starting = startSlotkeeper(options as object); // wrong on purpose
    expect((await faultOf(starting)).code).toBe('invalid_option');
  });
});
