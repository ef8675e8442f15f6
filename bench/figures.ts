/**
 * `npm run figures`: draws the figures of the guides, into `docs/figures` or the folder that is named.
 * They are drawn from runs on a simulated clock, so each run draws the same; the life cycles are drawn from
 * their machines, and stand in their guide as text. So are the tables of the configuration, from its schema, and those of telemetry, from
 * the catalogues.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withTables } from './configuration-tables.ts';
import { fairnessFigure } from './fairness-figure.ts';
import { stateCharts } from './state-charts.ts';
import { withTelemetryTables } from './telemetry-tables.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');
const [, , folder = join(DOCS, 'figures')] = process.argv;

writeFileSync(join(folder, 'fairness.svg'), await fairnessFigure());
for (const [life, chart] of Object.entries(stateCharts)) {
  writeFileSync(join(folder, `${life}.mmd`), `${chart}\n`);
}
if (folder === join(DOCS, 'figures')) {
  drawInto(join(DOCS, 'sessions.md'));
  redraw('configuration.md', withTables);
  redraw('telemetry.md', withTelemetryTables);
}

function redraw(name: string, drawn: (text: string) => string): void {
  const guide = join(DOCS, name);
  writeFileSync(guide, drawn(readFileSync(guide, 'utf8')));
}

/** Puts each chart in the place of the one that begins where it does. */
function drawInto(guide: string): void {
  let text = readFileSync(guide, 'utf8');
  for (const chart of Object.values(stateCharts)) {
    const [head, first] = chart.split('\n');
    const begin = text.indexOf(`\`\`\`mermaid\n${head}\n${first}`);
    const end = text.indexOf('\n```\n', begin);
    text = `${text.slice(0, begin)}\`\`\`mermaid\n${chart}${text.slice(end)}`;
  }
  writeFileSync(guide, text);
}
