/**
 * The metrics of one daemon: those of the catalogue in a registry of their own, and what is to be done when
 * they are asked for and when the daemon closes. Nothing of it is global, so two daemons of one process do not
 * add to each other's.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type LabelsOf,
  METRIC_PREFIX,
  type MetricDescription,
  type MetricNameOf,
  metricCatalogue,
} from './metric-catalogue.ts';

export class MetricBook {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  private readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly gauges = new Map<string, Gauge>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly readers: (() => void)[] = [];
  private readonly ends: (() => void)[] = [];

  constructor() {
    for (const [name, description] of Object.entries(metricCatalogue)) this.make(name, description);
  }

  /** Adds to a counter. */
  count<Name extends MetricNameOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    this.counters.get(name)?.inc(labels, by);
  }

  /** Sets a counter without labels to what somebody else has counted. */
  total(name: MetricNameOf<'counter'>, value: number): void {
    this.counters.get(name)?.reset();
    this.counters.get(name)?.inc(value);
  }

  set<Name extends MetricNameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    this.gauges.get(name)?.set(labels, value);
  }

  /** Forgets what a gauge said by its labels. */
  forget(name: MetricNameOf<'gauge'>): void {
    this.gauges.get(name)?.reset();
  }

  /** Puts a time into a histogram. */
  time<Name extends MetricNameOf<'histogram'>>(
    name: Name,
    labels: LabelsOf<Name>,
    ms: number,
  ): void {
    this.histograms.get(name)?.observe(labels, ms / 1_000);
  }

  /** `read` sets what can be read, whenever the metrics are asked for. */
  onScrape(read: () => void): void {
    this.readers.push(read);
  }

  onClose(end: () => void): void {
    this.ends.push(end);
  }

  /** All of them, as Prometheus reads them. */
  async text(): Promise<string> {
    for (const read of this.readers) read();
    return this.registry.metrics();
  }

  /** Nobody listens for them any more. Again is a no-op. */
  close(): void {
    for (const end of this.ends.splice(0)) end();
  }

  private make(key: string, { type, meaning: help, labels, buckets = [] }: MetricDescription) {
    const name = `${METRIC_PREFIX}${key}`;
    const about = { name, help, labelNames: [...labels], registers: [this.registry] };
    if (type === 'counter') this.counters.set(key, new Counter(about));
    if (type === 'gauge') this.gauges.set(key, new Gauge(about));
    if (type === 'histogram') {
      this.histograms.set(key, new Histogram({ ...about, buckets: [...buckets] }));
    }
  }
}
