/**
 * The metrics of a keeper: what they count, what they read, and that they leave nobody behind.
 */

import { channel } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import {
  catalogue,
  exit,
  type LimiterOptions,
  type Slotkeeper,
  startSlotkeeper,
} from '../../src/index.ts';
import { countEvents } from '../../src/telemetry/event-metrics.ts';
import { kindLabel } from '../../src/telemetry/kind-label.ts';
import { MetricBook } from '../../src/telemetry/metric-book.ts';
import {
  labelMeanings,
  type MetricDescription,
  metricCatalogue,
} from '../../src/telemetry/metric-catalogue.ts';
import { readProcess } from '../../src/telemetry/process-metrics.ts';
import { readStatus } from '../../src/telemetry/status-metrics.ts';
import { SimulatedClock, settle } from '../../src/testing.ts';
import { metricsIn } from '../support/metrics.ts';
import { RecordingJournal } from '../support/recording-journal.ts';

const books: MetricBook[] = [];

afterEach(() => {
  for (const book of books.splice(0)) book.close();
});

const descriptions = Object.entries<MetricDescription>(metricCatalogue);

interface Stage {
  readonly keeper: Slotkeeper;
  readonly clock: SimulatedClock;
  readonly book: MetricBook;
  /** The value of a sample, whose name has no prefix here. */
  read(sample: string): Promise<number | undefined>;
}

async function stage(options: LimiterOptions = {}): Promise<Stage> {
  const clock = new SimulatedClock();
  const keeper = await startSlotkeeper({ clock, ...options });
  const book = new MetricBook();
  books.push(book);
  const limits = () => keeper.limiter.getLimits();
  readStatus(book, { status: () => keeper.getStatus(), limits });
  const kindOf = kindLabel(['exec'], () => limits().maxRunsPerKind);
  countEvents(book, kindOf);
  const read = async (sample: string) => {
    return metricsIn(await book.text()).samples.get(`slotkeeper_${sample}`);
  };
  return { keeper, clock, book, read };
}

describe('the catalogue of metrics', () => {
  test('being what there is, by name and type', async () => {
    const { types } = metricsIn(await new MetricBook().text());
    const described = descriptions.map(([name, { type }]) => [`slotkeeper_${name}`, type]);
    expect([...types]).toEqual(described);
  });

  test('naming counters and units as Prometheus wants them', () => {
    for (const [name, { type }] of descriptions) {
      expect(name).toMatch(/^[a-z][a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  test('having every label that it explains, and no buckets out of order', () => {
    const used = new Set(descriptions.flatMap(([, { labels }]) => labels));
    expect([...used].sort()).toEqual(Object.keys(labelMeanings).sort());
    for (const [, { buckets = [] }] of descriptions) {
      expect(buckets).toEqual([...buckets].sort((one, other) => one - other));
    }
  });
});

describe('the status', () => {
  test('being read when it is asked for', async () => {
    const { keeper, read } = await stage({ limits: { maxParallelRuns: 2 } });
    const { limiter } = keeper;
    await limiter.acquireSessionSlot('s');
    await limiter.acquireRunSlot('s', 'r1');
    await limiter.acquireRunSlot('other', 'r2');
    const waiting = limiter.acquireRunSlot('s', 'r3', { waitTimeoutMs: Infinity });
    await settle();
    expect(await read('sessions_active')).toBe(1);
    expect(await read('runs_active')).toBe(2);
    expect(await read('runs_sessionless')).toBe(1);
    expect(await read('runs_waiting')).toBe(1);
    await limiter.releaseRunSlot('r2');
    await waiting;
    expect(await read('runs_sessionless')).toBe(0);
    expect(await read('runs_waiting')).toBe(0);
    await keeper.stop();
  });

  test('telling limits as they stand, and of kinds only those that there are', async () => {
    const { keeper, read } = await stage({ limits: { maxRunsPerKind: { gpu: 1 } } });
    expect(await read('limit{limit="max_parallel_runs"}')).toBe(50);
    expect(await read('limit{limit="max_runs_per_session"}')).toBe(Infinity);
    expect(await read('kind_limit{kind="gpu"}')).toBe(1);
    const kinds = { gpu: Infinity, tool: 3 };
    await keeper.limiter.setLimits({ maxParallelRuns: 7, maxRunsPerKind: kinds });
    expect(await read('limit{limit="max_parallel_runs"}')).toBe(7);
    expect(await read('kind_limit{kind="tool"}')).toBe(3);
    expect(await read('kind_limit{kind="gpu"}')).toBeUndefined();
    expect(await read('limits_changed_total')).toBe(1);
    await keeper.stop();
  });

  test('telling a drain, and the state after it', async () => {
    const { keeper, read } = await stage();
    expect(await read('state{state="accepting"}')).toBe(1);
    await keeper.drain({ timeoutMs: 0 });
    expect(await read('state{state="draining"}')).toBe(1);
    expect(await read('state{state="accepting"}')).toBe(0);
    await keeper.stop();
    expect(await read('state{state="stopped"}')).toBe(1);
  });

  test('telling a journal that cannot be written, and for how long it was so', async () => {
    const journal = new RecordingJournal();
    const { keeper, clock, read } = await stage({ journal });
    journal.isFull = true;
    await keeper.limiter.acquireRunSlot('s', 'r').catch(() => {});
    expect(await read('storage_degraded')).toBe(1);
    expect(await read('storage_degraded_total')).toBe(1);
    journal.isFull = false;
    await clock.advance(100);
    expect(await read('storage_degraded')).toBe(0);
    expect(await read('storage_degraded_seconds_total')).toBe(0.1);
    await keeper.stop();
  });

  test('telling crashes and restarts', async () => {
    const { keeper, read } = await stage();
    expect(await read('limiter_restarts_total')).toBe(0);
    exit(keeper.limiter.ref, new Error('fire'));
    await keeper.limiter.acquireRunSlot('s', 'r');
    expect(await read('limiter_restarts_total')).toBe(1);
    expect(await read('crashes_total')).toBe(1);
    expect(await read('children_restarted_total')).toBe(1);
    await keeper.stop();
  });
});

describe('events', () => {
  test('counting grants, refusals and ends of session slots', async () => {
    const { keeper, clock, read } = await stage({ limits: { maxParallelSessions: 1 } });
    const { limiter } = keeper;
    await limiter.acquireSessionSlot('s');
    await limiter.acquireSessionSlot('t').catch(() => {});
    await clock.advance(2_000);
    await limiter.releaseSessionSlot('s');
    expect(await read('session_slots_granted_total')).toBe(1);
    const refused = 'session_slots_refused_total{code="max_sessions_exceeded"}';
    expect(await read(refused)).toBe(1);
    expect(await read('session_slots_ended_total{reason="released"}')).toBe(1);
    expect(await read('session_hold_seconds_sum')).toBe(2);
    expect(await read('session_wait_seconds_count')).toBe(1);
    await keeper.stop();
  });

  test('counting runs by kind, and how long they have waited and worked', async () => {
    const limits = { maxParallelRuns: 1, maxRunsPerKind: { gpu: 1 } };
    const { keeper, clock, read } = await stage({ limits });
    const session = await keeper.openSession();
    const ends: (() => void)[] = [];
    const work = () => new Promise<void>((end) => ends.push(end));
    const first = await session.run(work, { kind: 'gpu' });
    const second = await session.run(work, { kind: 'gpu', waitTimeoutMs: Infinity });
    await clock.advance(3_000);
    ends.shift()?.();
    await first.result();
    await settle();
    await clock.advance(1_000);
    ends.shift()?.();
    await second.result();
    expect(await read('run_slots_granted_total{kind="gpu"}')).toBe(2);
    expect(await read('run_wait_seconds_sum{kind="gpu"}')).toBe(3);
    expect(await read('run_hold_seconds_sum{kind="gpu"}')).toBe(4);
    expect(await read('run_work_seconds_sum{kind="gpu"}')).toBe(4);
    expect(await read('run_work_seconds_bucket{kind="gpu",le="1"}')).toBe(1);
    expect(await read('runs_ended_total{kind="gpu",state="succeeded"}')).toBe(2);
    await keeper.stop();
    expect(await read('sessions_closed_total{reason="shutdown"}')).toBe(1);
  });

  test('making no series of kinds that nobody has configured', async () => {
    const { keeper, book, read } = await stage();
    for (const kind of ['one', 'two', 'constructor']) {
      await keeper.limiter.acquireRunSlot('s', kind, { kind });
    }
    await keeper.limiter.acquireRunSlot('s', 'known', { kind: 'exec' });
    await keeper.limiter.acquireRunSlot('s', 'without');
    expect(await read('run_slots_granted_total{kind="other"}')).toBe(3);
    expect(await read('run_slots_granted_total{kind="exec"}')).toBe(1);
    expect(await read('run_slots_granted_total{kind="none"}')).toBe(1);
    expect(await book.text()).not.toContain('constructor');
    await keeper.stop();
  });

  test('naming no id and no owner', async () => {
    const { keeper, book } = await stage({ limits: { maxRunsPerOwner: 1 } });
    const options = { owner: 'own-it', labels: { team: 'own-it' } };
    await keeper.limiter.acquireSessionSlot('own-it', options);
    await keeper.limiter.acquireRunSlot('own-it', 'own-it', options);
    await keeper.limiter.acquireRunSlot('own-it', 'own-it-2', options).catch(() => {});
    await keeper.stop();
    expect(await book.text()).not.toContain('own-it');
  });
});

describe('a book', () => {
  test('adding nothing to another one', async () => {
    const [one, other] = [new MetricBook(), new MetricBook()];
    one.count('crashes_total', {});
    expect(metricsIn(await one.text()).samples.get('slotkeeper_crashes_total')).toBe(1);
    expect(metricsIn(await other.text()).samples.get('slotkeeper_crashes_total')).toBe(0);
  });

  test('leaving nobody on any channel when it is closed', async () => {
    const { keeper, book } = await stage();
    const watched = () =>
      Object.values(catalogue).filter((event) => channel(event.channel).hasSubscribers);
    expect(watched()).not.toEqual([]);
    book.close();
    book.close();
    expect(watched()).toEqual([]);
    await keeper.stop();
  });

  test('telling of its process', async () => {
    const book = new MetricBook();
    books.push(book);
    readProcess(book, '1.2.3');
    const { samples } = metricsIn(await book.text());
    expect(
      samples.get(`slotkeeper_build_info{node="${process.versions.node}",version="1.2.3"}`),
    ).toBe(1);
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes']) {
      expect(samples.get(`slotkeeper_${name}`)).toBeGreaterThan(0);
    }
    expect(samples.get('slotkeeper_process_start_time_seconds')).toBeCloseTo(
      performance.timeOrigin / 1_000,
      3,
    );
  });
});
