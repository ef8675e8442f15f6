/**
 * The laws of the journal as proofs, for adapters of one's own: `import { journalLaws } from
 * 'slotkeeper/testing'`, and run each under any test runner.
 *
 *     for (const { name, prove } of journalLaws) test(name, () => prove(() => openMine(freshPlace())));
 *
 * A proof is given a function that opens one and the same store, empty at first, as one process after
 * the other would; it closes what it has opened, and throws where the law is broken.
 */
import { deepStrictEqual, notStrictEqual, strictEqual, throws } from 'node:assert/strict';
import type {
  DurableJournal,
  Journal,
  JournalChange,
  Recovered,
  RunRecord,
  SessionRecord,
  WaitingRecord,
} from './journal.ts';

export type OpenJournal = () => Journal | DurableJournal;

export interface JournalLaw {
  readonly name: string;
  /** Whether it is about what outlives the process; a journal that is not durable proves it trivially. */
  readonly isOfDurable: boolean;
  prove(open: OpenJournal): void;
}

const AT = 1_700_000_000_000;
const BLOCK = 100;

const law = (name: string, proof: (open: OpenJournal) => void): JournalLaw => ({
  name,
  isOfDurable: false,
  prove: proof,
});

const durableLaw = (name: string, proof: (store: Store) => void): JournalLaw => ({
  name,
  isOfDurable: true,
  prove(open) {
    const first = open();
    if (!first.isDurable) return;
    (first as DurableJournal).close();
    proof(new Store(open as () => DurableJournal)); // the first one said so
  },
});

export const journalLaws: readonly JournalLaw[] = [
  law('a batch being committed when commit returns', (open) => {
    const journal = begun(open());
    strictEqual(journal.commit([granted('s')]), undefined);
    end(journal);
  }),

  law('an empty batch being no fault', (open) => {
    const journal = begun(open());
    journal.commit([]);
    end(journal);
  }),

  durableLaw('an empty store being empty', (store) => {
    deepStrictEqual(store.recovered(), NOTHING);
  }),

  durableLaw('a durable session being there again, with all that was said of it', (store) => {
    const said = { owner: 'o', labels: { a: 'b' }, leaseMs: 1.5, terms: 'its terms' };
    const session = sessionOf('s', said);
    store.commit([{ type: 'session_slot_granted', ...session }]);
    deepStrictEqual(store.recovered().sessions, [{ ...session, lastActiveAt: AT }]);
  }),

  durableLaw(
    'a durable session that has ended being told of, with what was said of it',
    (store) => {
      const said = { owner: 'o', labels: { a: 'b' } };
      store.commit(
        [granted('noted', { token: 1, ...said }), granted('not noted', { token: 2 })],
        [ended(2), ended(1, 'its note')],
      );
      deepStrictEqual(store.recovered().closed, [
        { token: 1, sessionId: 'noted', ...said, grantedAt: AT, endedAt: AT, note: 'its note' },
      ]);
    },
  ),

  durableLaw('a command that has ended being told of, with what was said of it', (store) => {
    const said = { owner: 'o', kind: 'k', labels: { a: 'b' } };
    const runs = [1, 2, 3].map((token) => runOf(`r${token}`, { token, life: 'command', ...said }));
    const end = { type: 'run_slot_ended', at: AT + 1, isKept: true } as const;
    store.commit(
      [...runs, runOf('of the process', { token: 4 })].map((run) => {
        return { type: 'run_slot_granted', ...run };
      }),
      [{ ...end, token: 2, reason: 'released', note: 'its note' }],
      [{ ...end, token: 1, reason: 'evicted', note: undefined }],
      [{ ...end, token: 4, reason: 'evicted', note: undefined }],
    );
    const slot = { sessionId: 's', ...said, grantedAt: AT, endedAt: AT + 1 };
    deepStrictEqual(store.recovered().endedRuns, [
      { token: 2, runId: 'r2', ...slot, reason: 'released', note: 'its note' },
      { token: 1, runId: 'r1', ...slot, reason: 'evicted', note: undefined },
    ]);
  }),

  durableLaw('a command being there again, with all that was said of it', (store) => {
    const said = { owner: 'o', kind: 'k', labels: {}, leaseMs: 2, order: 'its order' };
    const run = runOf('r', { life: 'command', ...said });
    store.commit([{ type: 'run_slot_granted', ...run }]);
    deepStrictEqual(store.recovered().runs, [run]);
  }),

  durableLaw(
    'the session of a command being there again, and ending with the next process',
    (store) => {
      const session = granted('s', { token: 1, life: 'process', terms: 'its terms' });
      const run = runOf('r', { token: 2, life: 'command' });
      store.commit([session, { type: 'run_slot_granted', ...run }]);
      const { sessions, interruptedSessions } = store.recovered(AT + 9_000);
      deepStrictEqual(
        sessions.map(({ token, life, terms, lastActiveAt }) => [token, life, terms, lastActiveAt]),
        [[1, 'process', 'its terms', AT + 9_000]],
      );
      strictEqual(interruptedSessions, 0);
      const ending = {
        token: 2,
        reason: 'released',
        at: AT,
        isKept: true,
        note: undefined,
      } as const;
      store.commit([{ type: 'run_slot_ended', ...ending }]);
      strictEqual(store.recovered().interruptedSessions, 1);
    },
  ),

  durableLaw('work that waits being there again in its order, with all that was said', (store) => {
    const said = { owner: 'o', kind: 'k', labels: { a: 'b' }, priority: -1, leaseMs: 1.5 };
    const late = waitOf('late', { place: 7, expiresAt: AT + 5, ...said });
    const early = waitOf('early', { place: 2 });
    store.commit([
      { type: 'run_queued', ...late },
      { type: 'run_queued', ...early },
    ]);
    deepStrictEqual(store.recovered().waiting, [early, late]);
    deepStrictEqual(store.recovered().waiting, [early, late]);
  }),

  durableLaw('work that waits anew standing in the place of what waited under its id', (store) => {
    store.commit([{ type: 'run_queued', ...waitOf('r', { place: 1, order: 'old' }) }]);
    store.commit([{ type: 'run_queued', ...waitOf('r', { place: 2 }) }]);
    deepStrictEqual(store.recovered().waiting, [waitOf('r', { place: 2 })]);
  }),

  durableLaw(
    'work that waits no more being unknown, and leaving again changing nothing',
    (store) => {
      const left = { type: 'run_left_queue', runId: 'r' } as const;
      store.commit([{ type: 'run_queued', ...waitOf('r') }, left], [left]);
      deepStrictEqual(store.recovered(), NOTHING);
    },
  ),

  durableLaw('the session of work that waits being there again, and active until then', (store) => {
    const session = granted('s', { token: 1, life: 'process', terms: 'its terms' });
    store.commit([session, { type: 'run_queued', ...waitOf('r') }]);
    const { sessions, interruptedSessions } = store.recovered(AT + 9_000);
    deepStrictEqual(
      sessions.map(({ token, terms, lastActiveAt }) => [token, terms, lastActiveAt]),
      [[1, 'its terms', AT + 9_000]],
    );
    strictEqual(interruptedSessions, 0);
    store.commit([{ type: 'run_left_queue', runId: 'r' }]);
    strictEqual(store.recovered().interruptedSessions, 1);
  }),

  durableLaw('waits that have ended being told of once, with what was said of them', (store) => {
    const said = { owner: 'o', kind: 'k', labels: { a: 'b' } };
    const end = { type: 'run_wait_ended', at: AT + 3, isKept: true } as const;
    const over = [
      { ...end, runId: 'noted', reason: 'withdrawn', note: 'its note' },
      { ...end, runId: 'not noted', reason: 'wait_timeout', note: undefined },
    ] as const;
    store.commit(
      over.map(({ runId }) => ({ type: 'run_queued', ...waitOf(runId, { ...said, leaseMs: 2 }) })),
    );
    store.commit([...over, ...over], over);
    const { waiting, endedRuns } = store.recovered();
    const slot = { token: 0, sessionId: 's', ...said, grantedAt: AT, endedAt: AT + 3 };
    const ends = over.map(({ runId, reason, note }) => ({ ...slot, runId, reason, note }));
    deepStrictEqual([waiting, endedRuns], [[], ends]);
  }),

  durableLaw('what lives as long as its process having ended with it, once', (store) => {
    const run = runOf('r', { token: 2 });
    store.commit([granted('s', { life: 'process' }), { type: 'run_slot_granted', ...run }]);
    const { sessions, runs, interruptedSessions, interruptedRuns } = store.recovered();
    deepStrictEqual([sessions, runs, interruptedSessions, interruptedRuns], [[], [], 1, 1]);
    deepStrictEqual(store.recovered(), NOTHING);
  }),

  durableLaw('changes of a batch taking effect in their order', (store) => {
    store.commit([granted('s', { token: 1 }), ended(1), granted('s', { token: 2 })]);
    deepStrictEqual(tokensOf(store.recovered()), [2]);
  }),

  durableLaw('batches taking effect in the order of their commits', (store) => {
    store.commit([granted('s', { token: 1 })], [ended(1)], [granted('s', { token: 2 })]);
    deepStrictEqual(tokensOf(store.recovered()), [2]);
  }),

  durableLaw(
    'a batch that cannot be written throwing, and nothing of it being written',
    (store) => {
      const journal = store.begin();
      journal.commit([granted('kept', { token: 1 })]);
      throws(() => journal.commit([granted('lost', { token: 2 }), ended(1), unwritable]));
      journal.commit([granted('later', { token: 3 })]);
      journal.close();
      deepStrictEqual(tokensOf(store.recovered()), [1, 3]);
    },
  ),

  durableLaw('an end that is committed again changing nothing', (store) => {
    store.commit([granted('a', { token: 1 }), granted('b', { token: 2 })], [ended(1)], [ended(1)]);
    deepStrictEqual(tokensOf(store.recovered()), [2]);
  }),

  durableLaw('sessions being given in the order of their grants', (store) => {
    const tokens = [3, 11, 20];
    store.commit(tokens.map((token) => granted(`s${token}`, { token })));
    deepStrictEqual(tokensOf(store.recovered()), tokens);
  }),

  durableLaw('the activity of a session being known, and gone with it', (store) => {
    const later = AT + 5_000;
    store.commit([
      granted('a', { token: 1 }),
      granted('b', { token: 2 }),
      { type: 'session_active', token: 1, at: later },
    ]);
    const times = store.recovered().sessions.map(({ lastActiveAt }) => lastActiveAt);
    deepStrictEqual(times, [later, AT]);
  }),

  durableLaw('a session whose runs died with the process having been active until now', (store) => {
    store.commit([
      granted('s', { token: 1 }),
      { type: 'run_slot_granted', ...runOf('r', { token: 2 }) },
    ]);
    deepStrictEqual(
      store.recovered(AT + 9_000).sessions.map(({ lastActiveAt }) => lastActiveAt),
      [AT + 9_000],
    );
  }),

  durableLaw('the limits that were set last being there again, Infinity too', (store) => {
    const limits = { maxParallelRuns: Infinity, maxRunsPerKind: { a: 1, b: Infinity } };
    const change = { at: AT, by: undefined };
    store.commit([{ type: 'limits_changed', limits: { maxParallelRuns: 1 }, change }]);
    store.commit([{ type: 'limits_changed', limits, change }]);
    deepStrictEqual(store.recovered().limits, limits);
  }),

  durableLaw('when the limits were changed last being there again, and by whom', (store) => {
    const limits = {};
    const change = { at: AT + 1, by: 'alice' };
    store.commit([{ type: 'limits_changed', limits, change: { at: AT, by: undefined } }]);
    deepStrictEqual(store.recovered().limitsChange, { at: AT, by: undefined });
    store.commit([{ type: 'limits_changed', limits, change }]);
    deepStrictEqual(store.recovered().limitsChange, change);
  }),

  durableLaw('all that lives as long as the process ending at once', (store) => {
    store.commit(
      [granted('s', { token: 1 }), granted('p', { token: 2, life: 'process' })],
      [{ type: 'process_slots_ended', reason: 'stopped', at: AT }],
    );
    const { sessions, interruptedSessions } = store.recovered();
    deepStrictEqual([sessions.map(({ token }) => token), interruptedSessions], [[1], 0]);
  }),

  durableLaw('no token being given twice, by one process or the next', (store) => {
    const firsts = [0, 1, 2].flatMap(() => {
      const journal = store.begin();
      const both = [journal.reserveTokens(BLOCK), journal.reserveTokens(BLOCK)];
      journal.close();
      return both;
    });
    for (const [place, first] of firsts.slice(1).entries()) {
      strictEqual(first >= (firsts[place] ?? 0) + BLOCK, true);
    }
    notStrictEqual(firsts[0], 0);
  }),

  durableLaw('what is held being read at any time, whatever it lives as long as', (store) => {
    const journal = store.begin();
    const session = sessionOf('s', { life: 'process' });
    const run = runOf('r', { token: 2 });
    journal.commit([
      { type: 'session_slot_granted', ...session },
      { type: 'run_slot_granted', ...run },
    ]);
    const expected = { sessions: [{ ...session, lastActiveAt: AT }], runs: [run] };
    deepStrictEqual(journal.read(), expected);
    journal.close();
  }),

  durableLaw('a journal that is whole being found whole, and written', (store) => {
    const journal = store.begin();
    journal.check();
    journal.probe();
    journal.close();
  }),

  durableLaw('a journal that was closed refusing to commit, and closing again', (store) => {
    const journal = store.begin();
    journal.close();
    journal.close();
    throws(() => journal.commit([granted('s')]));
  }),
];

/** One store, opened by one process after the other. */
class Store {
  private readonly open: () => DurableJournal;

  constructor(open: () => DurableJournal) {
    this.open = open;
  }

  /** A process begins. */
  begin(): DurableJournal {
    return begun(this.open()) as DurableJournal; // as it was given
  }

  /** A process commits these batches and ends. */
  commit(...batches: readonly (readonly JournalChange[])[]): void {
    const journal = this.begin();
    for (const batch of batches) journal.commit(batch);
    journal.close();
  }

  /** What the next process finds. */
  recovered(now = AT + 1_000): Recovered {
    const journal = this.open();
    try {
      return journal.recover(now);
    } finally {
      journal.close();
    }
  }
}

const NOTHING: Recovered = {
  sessions: [],
  runs: [],
  waiting: [],
  closed: [],
  endedRuns: [],
  limits: {},
  limitsChange: undefined,
  interruptedSessions: 0,
  interruptedRuns: 0,
};

function begun(journal: Journal | DurableJournal): Journal | DurableJournal {
  if ('recover' in journal) {
    journal.recover(AT);
    journal.reserveTokens(BLOCK);
  }
  return journal;
}

function end(journal: Journal | DurableJournal): void {
  if ('close' in journal) journal.close();
}

function sessionOf(sessionId: string, more: Partial<SessionRecord> = {}): SessionRecord {
  const plain = { owner: undefined, labels: undefined, leaseMs: undefined, terms: undefined };
  return { token: 1, sessionId, life: 'durable', ...plain, grantedAt: AT, ...more };
}

function runOf(runId: string, more: Partial<RunRecord> = {}): RunRecord {
  const said = { owner: undefined, kind: undefined, labels: undefined, leaseMs: undefined };
  const plain = { ...said, order: undefined };
  const slot = { token: 1, runId, sessionId: 's', life: 'process' as const };
  return { ...slot, ...plain, grantedAt: AT, ...more };
}

function waitOf(runId: string, more: Partial<WaitingRecord> = {}): WaitingRecord {
  const said = { owner: undefined, kind: undefined, labels: undefined, leaseMs: undefined };
  const wait = { place: 1, priority: 0, queuedAt: AT, expiresAt: undefined };
  return { runId, sessionId: 's', ...said, ...wait, order: 'its order', ...more };
}

function granted(sessionId: string, more: Partial<SessionRecord> = {}): JournalChange {
  return { type: 'session_slot_granted', ...sessionOf(sessionId, more) };
}

function ended(token: number, note?: string): JournalChange {
  return { type: 'session_slot_ended', token, reason: 'released', at: AT, isKept: true, note };
}

/** No session has no id. */
const unwritable = granted(undefined as never, { token: 9 });

function tokensOf({ sessions }: Recovered): number[] {
  return sessions.map(({ token }) => token);
}
