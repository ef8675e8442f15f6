/**
 * Configurations in files of their own, and what is made of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ConfigFault } from '../../src/config/config-fault.ts';
import { type ConfigSources, type EffectiveConfig, loadConfig } from '../../src/config/index.ts';
import { SlotkeeperError } from '../../src/index.ts';

/** The path of a file with this text, as long as the test lasts. */
export function fileWith(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'slotkeeper-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'slotkeeper.json');
  writeFileSync(path, text);
  return path;
}

/** What `serve` has when its file says this. */
export function loadedFrom(
  content: unknown,
  { env = {}, flags = {}, command = 'serve' }: Partial<ConfigSources> = {},
): EffectiveConfig {
  return loadConfig({ file: fileWith(JSON.stringify(content)), env, flags, command });
}

/** What is wrong, by the error that is thrown; none, when none is. */
export function faultsIn(load: () => unknown): readonly ConfigFault[] {
  try {
    load();
    return [];
  } catch (error) {
    if (!(error instanceof SlotkeeperError) || error.code !== 'invalid_config') throw error;
    return error.details.faults as readonly ConfigFault[]; // as `invalid_config` has them
  }
}

/** `{ a: { b: value } }` for `['a', 'b']`. */
export function nested(steps: readonly string[], value: unknown): unknown {
  return steps.reduceRight((inner, step) => ({ [step]: inner }), value);
}
