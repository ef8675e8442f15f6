/**
 * States that a keeper and its host leave behind when they die between two lines: made exactly, as they would
 * have been written.
 */
import { randomUUID } from 'node:crypto';
import { AttemptFolder } from '../../src/executors/attempt-folder.ts';
import type { CompleteCommand } from '../../src/executors/command-order.ts';
import type { ProcessIdentity } from '../../src/executors/process-table.ts';
import type { JournalChange } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { textOfOrder } from '../../src/sessions/run-notes.ts';
import { textOfTerms } from '../../src/sessions/session-notes.ts';
import type { CommandPlace } from './command-place.ts';

const NO_TERMS = { idleTimeoutMs: Infinity, maxLifetimeMs: Infinity };

export interface State {
  readonly deadlineMs?: number;
  /** How long ago the run has got its slot. */
  readonly agoMs?: number;
  /** How long it had waited for it. */
  readonly waitedMs?: number;
  /** How long its session may live. */
  readonly maxLifetimeMs?: number;
  /** Whether the session was opened with its keeper, and not by who has asked the limiter directly. */
  readonly hasTerms?: boolean;
}

/** The intent stands in the journal: run `r1` of session `s1` has its slot. The name of its first attempt. */
export function commitIntent(
  place: CommandPlace,
  asked: ReturnType<CommandPlace['script']>,
  { deadlineMs = Infinity, agoMs = 0, waitedMs = 0, ...session }: State = {},
): AttemptFolder {
  const { maxLifetimeMs = Infinity, hasTerms = true } = session;
  const journal = openSqliteJournal({ path: place.path });
  const grantedAt = Date.now() - agoMs;
  journal.recover(grantedAt);
  const token = journal.reserveTokens(1_000);
  const queuedAt = grantedAt - waitedMs;
  const order = textOfOrder({ order: completed(asked), deadlineMs, queuedAt });
  const terms = hasTerms ? textOfTerms({ ...NO_TERMS, maxLifetimeMs }) : undefined;
  journal.commit([
    { ...slotOf('session_slot_granted', token, grantedAt), life: 'process', terms },
    {
      ...slotOf('run_slot_granted', token + 1, grantedAt),
      life: 'command',
      runId: 'r1',
      kind: undefined,
      order,
    },
  ] as JournalChange[]); // put together from parts that the compiler cannot tell apart
  journal.close();
  return new AttemptFolder(place.spool, `${token + 1}.1`);
}

/** As if so much time had passed since its slots were granted. */
export function age(place: CommandPlace, ms: number): void {
  const journal = openSqliteJournal({ path: place.path });
  const at = Date.now();
  const { sessions, runs } = journal.recover(at);
  const end = { reason: 'released', at, isKept: false, note: undefined } as const;
  const old = ({ grantedAt }: { grantedAt: number }) => ({ grantedAt: grantedAt - ms });
  journal.commit(runs.map(({ token }) => ({ type: 'run_slot_ended', token, ...end })));
  journal.commit(sessions.map(({ token }) => ({ type: 'session_slot_ended', token, ...end })));
  const changes: JournalChange[] = [];
  for (const { lastActiveAt: _, ...session } of sessions)
    changes.push({ type: 'session_slot_granted', ...session, ...old(session) });
  for (const run of runs) changes.push({ type: 'run_slot_granted', ...run, ...old(run) });
  journal.commit(changes);
  journal.close();
}

/** Its folder stands too, with its order. Its tag. */
export function makeAttempt(folder: AttemptFolder, asked: ReturnType<CommandPlace['script']>) {
  const tag = randomUUID();
  folder.create({ command: completed(asked), tag });
  return tag;
}

/** As if it were begun: marked, and perhaps with the process that it is. */
export function begin(folder: AttemptFolder, identity: ProcessIdentity | null | undefined): void {
  folder.mark('started');
  if (identity !== undefined) folder.process = { identity, startedAt: Date.now() };
}

/** As if it had exited. */
export function exit(folder: AttemptFolder, exitCode: number): void {
  const stream = { bytes: 0, bytesSeen: 0, lines: 0, isTruncated: false };
  const output = { stdout: stream, stderr: stream, fault: null };
  const now = Date.now();
  const how = { exitCode, signal: null, fault: null, killed: 0 };
  folder.end = { ...how, output, startedAt: now, endedAt: now };
}

function slotOf(
  type: 'session_slot_granted' | 'run_slot_granted',
  token: number,
  grantedAt: number,
) {
  const none = { owner: undefined, labels: undefined, leaseMs: undefined };
  return { type, token, sessionId: 's1', grantedAt, ...none };
}

function completed(asked: ReturnType<CommandPlace['script']>): CompleteCommand {
  const limits = { maxOutputBytes: 1_000_000, maxOutputLines: 10_000 };
  return { ...asked, cmd: asked.cmd as [string, ...string[]], stdin: null, ...limits }; // of `script`
}
