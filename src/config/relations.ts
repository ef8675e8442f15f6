/**
 * What values must be to each other: each fits by itself, and the whole cannot be.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { type ConfigFault, shown } from './config-fault.ts';
import type { ConfigCommand } from './defaults.ts';
import type { OriginOf } from './origins.ts';
import type { Config } from './schema.ts';
import { isName } from './value-kinds.ts';

export function relationFaults(
  config: Config,
  command: ConfigCommand,
  originOf: OriginOf,
): ConfigFault[] {
  return [
    ...(command === 'serve' ? openDoor(config, originOf) : []),
    ...kindNames(config, originOf),
    ...twins(config, 'id', originOf),
    ...twins(config, 'hash', originOf),
    ...spoolOnJournal(config, originOf),
  ];
}

/** Who reaches a daemon without keys may do all that it can. */
function openDoor({ listen: { host }, keys }: Config, originOf: OriginOf): ConfigFault[] {
  if (keys.length > 0 || isLoopback(host)) return [];
  const expected =
    'a loopback address such as 127.0.0.1, or keys: without any, everyone may do all';
  return [{ key: 'listen.host', origin: originOf('listen', 'host'), expected, got: shown(host) }];
}

/** The name and the addresses that never leave the machine. */
export function isLoopback(host: string): boolean {
  const isOfFour = isIP(host) === 4 && host.startsWith('127.');
  return isOfFour || host === '::1' || host.toLowerCase() === 'localhost';
}

function kindNames({ limits }: Config, originOf: OriginOf): ConfigFault[] {
  const wrong = Object.keys(limits.maxRunsPerKind).filter((kind) => !isName(kind));
  return wrong.map((kind) => ({
    key: 'limits.maxRunsPerKind',
    origin: originOf('limits', 'maxRunsPerKind', kind),
    expected: 'kinds of 1 to 256 characters without control characters',
    got: shown(kind),
  }));
}

/** One key is one owner's. What is hashed is not shown. */
function twins({ keys }: Config, field: 'id' | 'hash', originOf: OriginOf): ConfigFault[] {
  const first = new Map<string, number>();
  return keys.flatMap((key, index) => {
    const earlier = first.get(key[field]);
    if (earlier === undefined) first.set(key[field], index);
    if (earlier === undefined) return [];
    const expected = `another ${field} than that of keys[${earlier}]`;
    const got = field === 'id' ? { got: shown(key.id) } : {};
    return [{ key: `keys[${index}].${field}`, origin: originOf('keys'), expected, ...got }];
  });
}

function spoolOnJournal({ journal, spoolDir }: Config, originOf: OriginOf): ConfigFault[] {
  if (spoolDir === null || journal.path === null) return [];
  if (resolve(spoolDir) !== resolve(journal.path)) return [];
  const expected = 'another path than that of the journal';
  return [{ key: 'spoolDir', origin: originOf('spoolDir'), expected, got: shown(spoolDir) }];
}
