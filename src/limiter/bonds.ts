/**
 * Binding: a slot is tied to its holder, its lease and its work when it is granted, and untied when it
 * ends.
 */
import type { RunEntry, SessionEntry } from '../slots/index.ts';
import type { Bonds } from './calls.ts';
import { Lease } from './leases.ts';
import { ensureTie, type SlotTie, tieOf } from './slot-tie.ts';
import type { SlotWork } from './slot-work.ts';
import type { Survivors } from './survivors.ts';

type Entry = RunEntry | SessionEntry;

interface Bound {
  readonly limiter: Survivors;
  readonly entry: Entry;
  readonly holder: SlotTie['holder'];
  readonly lease: SlotTie['lease'];
}

/** A slot that was granted is bound as its request says. */
export function bind(limiter: Survivors, entry: Entry, bonds: Bonds): void {
  const { holder, leaseMs, life, work, terms, acquiredAt } = bonds;
  entry.life = life;
  const now = limiter.clock.monotonicNow();
  const lease = leaseMs === Infinity ? undefined : new Lease(entry, leaseMs, now);
  const bound = { limiter, entry, holder, lease };
  tie(bound);
  limiter.tables.undo.add(untie, bound);
  if (work) takeOver(limiter, entry, work);
  if (terms !== undefined) ensureTie(entry).terms = terms;
  if (acquiredAt !== undefined) Object.assign(ensureTie(entry), { acquiredAt, handles: 0 });
}

/** A slot that is held already, and whose work nobody does yet, is held for this work from now on. */
export function takeOver(limiter: Survivors, entry: Entry, work: SlotWork): void {
  const its = ensureTie(entry);
  if (its.work) return;
  its.work = work;
  limiter.tables.undo.add(leave, its);
}

function leave(its: SlotTie): void {
  its.work = undefined;
}

/** A slot that has ended, or will with its work, hangs on nothing else any more. */
export function unbind(limiter: Survivors, entry: Entry): void {
  const { holder, lease } = tieOf(entry) ?? {};
  if (!holder && !lease) return;
  const bound = { limiter, entry, holder, lease };
  untie(bound);
  limiter.tables.undo.add(tie, bound);
}

/** The lease of a slot runs from now on, if it has one. */
export function renew(limiter: Survivors, entry: Entry): void {
  const lease = tieOf(entry)?.lease;
  if (!lease) return;
  limiter.tables.undo.add(undoRenewal, { limiter, lease, dueAt: lease.dueAt });
  limiter.leases.renew(lease);
}

function tie({ limiter, entry, holder, lease }: Bound): void {
  const its = ensureTie(entry);
  its.holder = holder;
  its.lease = lease;
  holder?.addSlot(entry);
  if (lease) limiter.leases.add(lease);
}

function untie({ limiter, entry, holder, lease }: Bound): void {
  const its = ensureTie(entry);
  its.holder = its.lease = undefined;
  holder?.removeSlot(entry);
  if (lease?.list) limiter.leases.remove(lease);
}

function undoRenewal(renewal: { limiter: Survivors; lease: Lease; dueAt: number }): void {
  renewal.limiter.leases.move(renewal.lease, renewal.dueAt);
}
