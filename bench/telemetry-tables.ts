/**
 * The tables of the guide to telemetry, from the catalogues of events and of metrics.
 */
import { limiterChannels } from '../src/limiter/channels.ts';
import { otpChannels } from '../src/otp/index.ts';
import { sessionChannels } from '../src/sessions/channels.ts';
import { catalogue, type EventDescription, type EventName } from '../src/telemetry/catalogue.ts';
import {
  type LabelName,
  labelMeanings,
  METRIC_PREFIX,
  type MetricDescription,
  metricGroups,
} from '../src/telemetry/metric-catalogue.ts';
import { placed, tableOf } from './guide-tables.ts';

/** By the name that the guide marks their places with. */
const telemetryTables: Readonly<Record<string, string>> = {
  'events of the limiter': eventsOf(limiterChannels),
  'events of sessions': eventsOf(sessionChannels),
  'events of servers': eventsOf(otpChannels),
  ...Object.fromEntries(
    Object.entries(metricGroups).map(([group, metrics]) => [
      `metrics of ${group}`,
      tableOf(['Metric', 'Type', 'Labels', 'What it is'], Object.entries(metrics).map(metricRow)),
    ]),
  ),
  labels: tableOf(
    ['Label', 'Its values'],
    Object.entries(labelMeanings).map(([label, meaning]) => [codeOf(label), meaning]),
  ),
};

/** `text` with each table between the comments that name it. */
export function withTelemetryTables(text: string): string {
  return placed(text, telemetryTables);
}

function eventsOf(channels: Readonly<Partial<Record<EventName, object>>>): string {
  const names = Object.keys(channels) as EventName[]; // as their type says
  return names.map((name) => eventText(name, catalogue[name])).join('\n');
}

function eventText(name: EventName, event: EventDescription<object>): string {
  const fields = Object.entries<string>(event.fields);
  const rows = fields.map(([field, meaning]) => [codeOf(field), meaning]);
  return [
    `#### ${codeOf(name)}`,
    `Channel ${codeOf(event.channel)}: ${event.meaning}.`,
    tableOf(['Field', 'What it is'], rows),
  ].join('\n\n');
}

function metricRow([name, metric]: readonly [string, MetricDescription]): string[] {
  const labels = metric.labels.map((label: LabelName) => codeOf(label)).join(', ');
  return [codeOf(`${METRIC_PREFIX}${name}`), metric.type, labels, meaningOf(metric)];
}

function meaningOf({ meaning, buckets = [] }: MetricDescription): string {
  return buckets.length === 0 ? meaning : `${meaning}; up to ${buckets.join(', ')} s`;
}

function codeOf(text: string): string {
  return `\`${text}\``;
}
