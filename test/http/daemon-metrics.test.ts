/**
 * The metrics of daemons in this process: each has its own, and none leaves a listener behind.
 */
import { channel } from 'node:diagnostics_channel';
import { expect, test } from 'vitest';
import { type Daemon, startDaemon } from '../../src/http/index.ts';
import { catalogue, type Slotkeeper, startSlotkeeper } from '../../src/index.ts';
import { loadedFrom } from '../support/config-files.ts';
import { metricsIn } from '../support/metrics.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function daemonOf(keeper: Slotkeeper, port = 0): Promise<Daemon> {
  const { values: config } = loadedFrom({ listen: { port }, journal: { path: null } });
  return startDaemon({ keeper, config, version: '0.0.0', logger: quiet });
}

function watched(): readonly string[] {
  const channels = Object.values(catalogue).map((event) => event.channel);
  return channels.filter((name) => channel(name).hasSubscribers);
}

async function value({ url }: Daemon, sample: string): Promise<number | undefined> {
  return metricsIn(await (await fetch(`${url}/metrics`)).text()).samples.get(sample);
}

test('each counting its own requests', async () => {
  await using keeper = await startSlotkeeper();
  const [one, other] = [await daemonOf(keeper), await daemonOf(keeper)];
  await fetch(`${one.url}/healthz`);
  const healthy = 'slotkeeper_http_requests_total{method="GET",route="/healthz",status="2xx"}';
  expect(await value(one, healthy)).toBe(1);
  expect(await value(other, healthy)).toBeUndefined();
  await Promise.all([one.close(), other.close()]);
});

test('nobody listening to events when it is closed', async () => {
  await using keeper = await startSlotkeeper();
  expect(watched()).toEqual([]);
  const daemon = await daemonOf(keeper);
  expect(watched()).toContain(catalogue.run_slot_granted.channel);
  await daemon.close();
  expect(watched()).toEqual([]);
});

test('nobody listening either when it could not begin', async () => {
  await using keeper = await startSlotkeeper();
  const first = await daemonOf(keeper);
  const { port } = new URL(first.url);
  await expect(daemonOf(keeper, Number(port))).rejects.toThrow('EADDRINUSE');
  await first.close();
  expect(watched()).toEqual([]);
});
