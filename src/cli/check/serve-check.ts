/**
 * `slotkeeper serve --check`: what the daemon would do, part by part, and what would keep it from starting.
 *
 * Nothing is started and nothing is changed. What is right now can be wrong when the daemon starts: another
 * one may have come, or the disk be full.
 */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Config, EffectiveConfig } from '../../config/index.ts';
import { aligned } from '../table.ts';
import { doorFinding } from './door-check.ts';
import { expectNoFault, type Finding } from './finding.ts';
import { folderFault } from './folder-check.ts';
import { journalFinding } from './journal-check.ts';

/** Rejects with `check_failed`. */
export async function checkServe({ values: config, notes }: EffectiveConfig): Promise<void> {
  const findings = [
    await doorFinding(config.listen),
    callers(config),
    journalFinding(config.journal),
    spool(config),
    programs(config),
    limits(config),
  ];
  console.log(
    [...aligned(findings.map(rowOf)), ...notes.map((note) => `note: ${note}`)].join('\n'),
  );
  expectNoFault(findings);
}

/** What keeps it from serving at all, before anything is taken up. Rejects with `check_failed`. */
export async function expectStart(config: Config): Promise<void> {
  const { path } = config.journal;
  expectNoFault([
    await doorFinding(config.listen),
    ...(path === null ? [] : [journalFolder(path)]),
    spool(config),
  ]);
}

function journalFolder(path: string): Finding {
  const folder = dirname(resolve(path));
  return { part: 'journal', plan: `in ${folder}`, fault: folderFault(folder) };
}

function rowOf({ part, plan, fault }: Finding): string[] {
  return [part, fault === undefined ? plan : `${plan}: cannot be`];
}

function callers({ keys }: Config): Finding {
  const known = keys.map(({ id, owner }) => `${id} of ${owner}`).join(', ');
  const plan = keys.length === 0 ? 'whoever reaches it, for all, as local' : `by key: ${known}`;
  return { part: 'callers', plan };
}

function spool({ spoolDir }: Config): Finding {
  const folder = resolve(spoolDir ?? tmpdir());
  const plan = `${existsSync(folder) ? 'in' : 'make'} ${folder}`;
  return { part: 'spool', plan, fault: folderFault(folder) };
}

function programs({ exec, agent, tools }: Config): Finding {
  const names = [
    ...(exec.enabled ? ['any, by exec'] : []),
    ...(agent ? [`agent ${agent.command}`] : []),
    ...Object.entries(tools).map(([id, { command }]) => `tool ${id} ${command}`),
  ];
  return { part: 'programs', plan: names.length === 0 ? 'none' : names.join(', ') };
}

function limits({ limits }: Config): Finding {
  const { maxParallelSessions, maxParallelRuns, maxRunsPerSession } = limits;
  const counts = [
    `${written(maxParallelSessions)} sessions`,
    `${written(maxParallelRuns)} runs`,
    `${written(maxRunsPerSession)} in a session`,
  ];
  return { part: 'limits', plan: `${counts.join(', ')}; slotkeeper config has all` };
}

function written(limit: number): string {
  return limit === Infinity ? 'any number of' : String(limit);
}
