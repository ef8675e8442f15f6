/**
 * Which `Host` and which `Origin` a request may have.
 *
 * A page of another site can have a browser ask this machine: by a name of its own that leads here (its
 * `Host` gives it away), or plainly (its `Origin` does). Neither needs a key where there is none, so a daemon
 * without keys takes the names of loopback and those that are allowed. With keys the page has none, and the
 * daemon goes by its public names: `Host` is looked at where `allowedHosts` says which.
 */
import { type Config, isLoopback } from '../config/index.ts';
import { requestFault } from './request-faults.ts';

export interface Headers {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

const HOST = /^(?<name>\[[^\]]+\]|[^:]+)(?::\d+)?$/;

/** As the version has it (RFC 9112, section 3.2). Throws `host_required`. */
export function expectHost(httpVersion: string, { host }: Headers): void {
  if (host !== undefined || httpVersion === '1.0') return;
  throw requestFault('host_required', `Expected a Host, as HTTP/${httpVersion} has it`);
}

/** Throws `host_not_allowed`, `origin_not_allowed`. */
export function expectAllowed(config: Config, { host = '', origin }: Headers): void {
  if (!mayBeHost(config, host.toLowerCase())) {
    const text = `Expected a Host of this daemon, got ${JSON.stringify(host)}: see allowedHosts`;
    throw requestFault('host_not_allowed', text);
  }
  if (origin !== undefined && !config.allowedOrigins.includes(origin)) {
    const text = `Expected an Origin that may ask, got ${JSON.stringify(origin)}: see allowedOrigins`;
    throw requestFault('origin_not_allowed', text);
  }
}

function mayBeHost({ allowedHosts, keys, listen }: Config, host: string): boolean {
  const { name = '' } = HOST.exec(host)?.groups ?? {};
  const bare = name.replace(/^\[(.+)\]$/, '$1');
  if (isLoopback(bare) || bare === listen.host.toLowerCase()) return true;
  if (keys.length > 0 && allowedHosts.length === 0) return true;
  return allowedHosts.some((allowed) => [host, name].includes(allowed.toLowerCase()));
}
