/**
 * The guide's tables are those of the catalogues: `npm run figures` draws them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withTelemetryTables } from '../../bench/telemetry-tables.ts';
import { catalogue } from '../../src/telemetry/catalogue.ts';
import { METRIC_PREFIX, metricCatalogue } from '../../src/telemetry/metric-catalogue.ts';

const guide = readFileSync(join(import.meta.dirname, '../../docs/telemetry.md'), 'utf8');

test('the guide having the tables that the catalogues give', () => {
  expect(guide).toBe(withTelemetryTables(guide));
});

test('the guide having every event and every metric', () => {
  for (const { channel } of Object.values(catalogue)) expect(guide).toContain(`\`${channel}\``);
  for (const name of Object.keys(metricCatalogue)) {
    expect(guide).toContain(`| \`${METRIC_PREFIX}${name}\` |`);
  }
});

test('the guide naming no metric that there is not', () => {
  const named = guide.match(/\bslotkeeper_[a-z0-9_]+/g) ?? [];
  for (const name of new Set(named)) {
    const bare = name.slice(METRIC_PREFIX.length).replace(/_bucket$/, '');
    expect(metricCatalogue).toHaveProperty(bare);
  }
});
