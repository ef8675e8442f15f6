/**
 * What the guide to operations says of backups: its lines, played beside a living daemon, and a daemon that
 * starts from what they have made.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DaemonProcess } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';

const guide = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const lines = [...guide.matchAll(/^sqlite3 .+$/gm)].map(([line]) => line);
const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0;

function start(folder: string, path: string): Promise<DaemonProcess> {
  const file = join(folder, 'slotkeeper.json');
  writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal: { path } }));
  return DaemonProcess.start(['--config', file]);
}

describe('a backup of a living journal', () => {
  test.skipIf(!hasSqlite).each(lines)('being what a daemon can start from: %s', async (line) => {
    const folder = freshFolder();
    const daemon = await start(folder, join(folder, 'slotkeeper-data', 'journal.db'));
    await daemon.ask('POST', '/v1/sessions', { sessionId: 'kept' });
    execFileSync('sh', ['-c', line], { cwd: folder });
    await daemon.ask('DELETE', '/v1/sessions/kept');
    const [copy = ''] = /backup[-\w]*\.db/.exec(line) ?? [];
    const next = await start(folder, join(folder, copy));
    expect((await next.ask('GET', '/v1/sessions/kept')).status).toBe(200);
  });
});
