/**
 * A daemon whose disk is full: it says so, refuses what it could not keep, and takes work again when there is room.
 *
 * On the built package, with a real process: `npm test` builds first.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { DaemonProcess, until } from '../support/daemon-process.ts';
import { freshFolder } from '../support/journal-places.ts';
import { fillUp, mountTmpfs, testWithMount } from '../support/tmpfs.ts';

testWithMount(
  'a journal that cannot be written being told by readyz and to newcomers',
  async () => {
    const folder = mountTmpfs('2m');
    const file = join(freshFolder(), 'slotkeeper.json');
    const journal = { path: join(folder, 'journal.db') };
    const limits = { maxParallelSessions: 'infinity' };
    writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal, limits }));
    const daemon = await DaemonProcess.start(['--config', file]);
    const makeRoom = fillUp(folder, 65_536);
    const refused = await until(
      () => daemon.ask('POST', '/v1/sessions', {}),
      ({ status }) => status !== 201,
    );
    expect(refused).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await daemon.ask('GET', '/readyz')).toMatchObject({
      status: 503,
      body: { status: 'degraded' },
    });
    expect((await daemon.ask('GET', '/healthz')).status).toBe(200);
    expect((await daemon.ask('GET', '/v1/status')).body).toMatchObject({ storage: 'degraded' });
    const limitsAsked = await daemon.ask('PATCH', '/v1/limits', { maxParallelRuns: 1 });
    expect(limitsAsked).toMatchObject({ status: 503, body: { code: 'storage_unavailable' } });
    makeRoom();
    const ready = await until(
      () => daemon.ask('GET', '/readyz'),
      ({ status }) => status === 200,
    );
    expect(ready.body).toEqual({ status: 'ok' });
    expect((await daemon.ask('POST', '/v1/sessions', {})).status).toBe(201);
  },
);
