/**
 * Metrics of the process: its memory, its time, its event loop, its garbage.
 *
 * Those that prom-client brings go on watching when nobody wants them any more, and of several collections of
 * garbage that are told at once they count one; so these are our own, under the same names.
 */
import { readdirSync } from 'node:fs';
import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import type { MetricBook } from './metric-book.ts';

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;
/** Between two looks at how late the event loop is. */
const LOOK_MS = 10;
const OPEN_FILES = '/proc/self/fd';

const COLLECTIONS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

type CollectionEntry = PerformanceEntry & { readonly detail: { readonly kind: number } };

/** `version`: of the package. */
export function readProcess(book: MetricBook, version: string): void {
  book.set('build_info', { version, node: process.versions.node }, 1);
  book.set('process_start_time_seconds', {}, performance.timeOrigin / 1_000);
  book.onScrape(() => {
    setTimes(book);
    setMemory(book);
    setOpenFiles(book);
  });
  watchLoop(book);
  watchCollections(book);
}

function setTimes(book: MetricBook): void {
  const { user, system } = process.cpuUsage();
  book.total('process_cpu_seconds_total', (user + system) / MICROSECONDS);
  const { active }: EventLoopUtilization = performance.eventLoopUtilization();
  book.total('nodejs_eventloop_active_seconds_total', active / 1_000);
}

function setMemory(book: MetricBook): void {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  book.set('process_resident_memory_bytes', {}, rss);
  book.set('nodejs_heap_size_used_bytes', {}, heapUsed);
  book.set('nodejs_heap_size_total_bytes', {}, heapTotal);
  book.set('nodejs_external_memory_bytes', {}, external);
}

function setOpenFiles(book: MetricBook): void {
  if (process.platform !== 'linux') return;
  try {
    // One of them is that by which they are listed.
    book.set('process_open_fds', {}, readdirSync(OPEN_FILES).length - 1);
  } catch {
    // None is left to look: what was known last stands.
  }
}

function watchLoop(book: MetricBook): void {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  book.onClose(() => void delay.disable());
  book.onScrape(() => {
    book.set('nodejs_eventloop_lag_p99_seconds', {}, lateness(delay.percentile(99)));
    book.set('nodejs_eventloop_lag_max_seconds', {}, lateness(delay.max));
    delay.reset();
  });
}

/** Seconds. What is measured is the time between two looks. */
function lateness(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS - LOOK_MS / 1_000);
}

function watchCollections(book: MetricBook): void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { detail, duration } = entry as CollectionEntry; // the only type that is observed
      const gc = COLLECTIONS[detail.kind] ?? 'other';
      book.time('nodejs_gc_duration_seconds', { gc }, duration);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  book.onClose(() => observer.disconnect());
}
