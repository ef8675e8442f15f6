/**
 * Metrics that events count: listeners on the channels of the catalogue, until the book is closed.
 *
 * The channels are the process's. Where it has several keepers, the events of all of them are counted.
 */
import type { EventName, EventNamed } from './catalogue.ts';
import type { KindLabel } from './kind-label.ts';
import { onEvent } from './listen.ts';
import type { MetricBook } from './metric-book.ts';

type On = <Name extends EventName>(name: Name, listen: (event: EventNamed<Name>) => void) => void;

export function countEvents(book: MetricBook, kindOf: KindLabel): void {
  const on: On = (name, listen) => book.onClose(onEvent(name, listen));
  countSessionSlots(book, on);
  countRunSlots(book, on, kindOf);
  countSessions(book, on);
  countRuns(book, on, kindOf);
  countStorage(book, on);
  countTroubles(book, on);
}

function countSessionSlots(book: MetricBook, on: On): void {
  on('session_slot_granted', ({ waitedMs }) => {
    book.count('session_slots_granted_total', {});
    book.time('session_wait_seconds', {}, waitedMs);
  });
  on('session_slot_refused', ({ code }) => book.count('session_slots_refused_total', { code }));
  on('session_slot_ended', ({ reason, heldMs }) => {
    book.count('session_slots_ended_total', { reason });
    book.time('session_hold_seconds', {}, heldMs);
  });
}

function countRunSlots(book: MetricBook, on: On, kindOf: KindLabel): void {
  on('run_slot_granted', ({ kind, waitedMs }) => {
    book.count('run_slots_granted_total', { kind: kindOf(kind) });
    book.time('run_wait_seconds', { kind: kindOf(kind) }, waitedMs);
  });
  on('run_slot_refused', ({ kind, code }) => {
    book.count('run_slots_refused_total', { kind: kindOf(kind), code });
  });
  on('run_slot_ended', ({ kind, reason, heldMs }) => {
    book.count('run_slots_ended_total', { kind: kindOf(kind), reason });
    book.time('run_hold_seconds', { kind: kindOf(kind) }, heldMs);
  });
}

function countSessions(book: MetricBook, on: On): void {
  on('session_opened', () => book.count('sessions_opened_total', {}));
  on('session_closed', ({ reason }) => book.count('sessions_closed_total', { reason }));
}

function countRuns(book: MetricBook, on: On, kindOf: KindLabel): void {
  on('run_ended', ({ kind, state, workedMs }) => {
    book.count('runs_ended_total', { kind: kindOf(kind), state });
    if (workedMs !== undefined) book.time('run_work_seconds', { kind: kindOf(kind) }, workedMs);
  });
}

function countStorage(book: MetricBook, on: On): void {
  on('storage_degraded', () => book.count('storage_degraded_total', {}));
  on('storage_recovered', ({ degradedMs }) => {
    // A counter that is told to fall throws, on the publisher's stack.
    book.count('storage_degraded_seconds_total', {}, Math.max(0, degradedMs) / 1_000);
  });
}

/** What should seldom happen: only how often. */
function countTroubles(book: MetricBook, on: On): void {
  on('limits_changed', () => book.count('limits_changed_total', {}));
  on('tables_rebuilt', () => book.count('tables_rebuilt_total', {}));
  on('clock_jumped', () => book.count('clock_jumps_total', {}));
  on('server_crashed', () => book.count('crashes_total', {}));
  on('child_restarted', () => book.count('children_restarted_total', {}));
  on('mailbox_full', () => book.count('mailbox_full_total', {}));
}
