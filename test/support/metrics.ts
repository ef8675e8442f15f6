/**
 * Metrics as Prometheus would read them.
 */
import { expect } from 'vitest';

export interface Metrics {
  /** By name: `counter`, `gauge`, `histogram`. */
  readonly types: ReadonlyMap<string, string>;
  /** By `name` or `name{label="value",…}`, labels in the order of the alphabet. */
  readonly samples: ReadonlyMap<string, number>;
}

const TYPE = /^# TYPE (?<name>\S+) (?<type>\S+)$/;
const SAMPLE = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;

export function metricsIn(text: string): Metrics {
  const types = new Map<string, string>();
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const { name = '', type = '' } = TYPE.exec(line)?.groups ?? {};
    if (type !== '') types.set(name, type);
    if (line === '' || line.startsWith('#')) continue;
    const [key, value] = sampleOf(line);
    samples.set(key, value);
  }
  return { types, samples };
}

function sampleOf(line: string): [string, number] {
  expect(line).toMatch(SAMPLE);
  const { name = '', labels = '', value = '' } = SAMPLE.exec(line)?.groups ?? {};
  const sorted = labels
    .match(/\w+="[^"]*"/g)
    ?.sort()
    .join(',');
  const key = sorted === undefined ? name : `${name}{${sorted}}`;
  return [key, value === '+Inf' ? Infinity : Number(value)];
}
