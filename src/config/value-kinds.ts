/**
 * The sorts of values that a configuration has, each with what is expected of it in words.
 *
 * What has no end is written `"infinity"`, for JSON has no `Infinity`.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { kind } from './setting.ts';

/** The status page of the limiter has signed 32-bit cells. */
const HIGHEST_LIMIT = 2 ** 31 - 1;
const LONGEST_NAME = 256;
const CONTROLS = /\p{Cc}/u;

const infinity = z.literal('infinity').transform(() => Infinity);

export const limit = () =>
  kind(z.union([z.int().min(1).max(HIGHEST_LIMIT), infinity]), {
    expected: `a positive integer up to ${HIGHEST_LIMIT} or "infinity"`,
    isLimit: true,
  });

/** Of what ends by itself after a time. */
export const term = () =>
  kind(z.union([z.int().min(1), infinity]), {
    expected: 'milliseconds, a positive integer, or "infinity"',
    isLimit: true,
  });

export const wait = () =>
  kind(z.union([z.int().min(0), infinity]), {
    expected: 'milliseconds, an integer from 0 on, or "infinity"',
  });

export const milliseconds = (least: 0 | 1) =>
  kind(z.int().min(least), {
    expected:
      least === 0 ? 'milliseconds, an integer from 0 on' : 'milliseconds, a positive integer',
  });

export const count = (least: 0 | 1) =>
  kind(z.int().min(least), {
    expected: least === 0 ? 'an integer from 0 on' : 'a positive integer',
  });

export const port = () =>
  kind(z.int().min(0).max(65_535), { expected: 'a port: an integer from 0 to 65535' });

export const flag = () => kind(z.boolean(), { expected: 'true or false' });

export const choice = <const Choices extends readonly [string, ...string[]]>(choices: Choices) =>
  kind(z.enum(choices), { expected: `one of ${choices.map((one) => `"${one}"`).join(', ')}` });

/** The kernel ends a string at NUL. */
const text = () => z.string().refine((value) => !value.includes('\0'));

/** SQLite gives `:memory:` a meaning of its own: nothing would be kept. */
export const path = (what: 'file' | 'folder') =>
  kind(
    text().refine((value) => value !== '' && value !== ':memory:'),
    { expected: `the path of a ${what}`, isText: true },
  );

export const program = () =>
  kind(text().min(1), { expected: 'a program: a string that is not empty' });

export const argv = () => kind(z.array(text()), { expected: 'an array of strings without NUL' });

export const name = () =>
  kind(z.string().refine(isName), {
    expected: `a string of 1 to ${LONGEST_NAME} characters without control characters`,
  });

/** What stands in paths and metrics. */
export const toolId = () =>
  kind(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/i), {
    expected: 'a tool id: 1 to 64 letters, digits, - and _, the first a letter or digit',
  });

export const keyHash = () =>
  kind(z.string().regex(/^sha256:[0-9a-f]{64}$/), {
    expected: 'sha256: and 64 hexadecimal digits, as slotkeeper keys new prints it',
  });

export const jsonSchema = () =>
  kind(z.record(z.string(), z.unknown()), { expected: 'a JSON Schema: an object' });

export const listenHost = () =>
  kind(z.string().refine(isHost), { expected: 'an IP address or a host name, without a port' });

export const hosts = () =>
  kind(z.array(z.string().refine(isHostWithPort)), {
    expected: 'an array of host names, each with or without a port, such as "slots.example:8080"',
  });

export const origins = () =>
  kind(z.array(z.string().refine(isOrigin)), {
    expected: 'an array of origins, such as "https://slots.example"',
  });

export const proxies = () =>
  kind(z.union([z.literal(false), z.int().min(1), z.array(z.string().refine(isSubnet)).min(1)]), {
    expected: 'false, the number of proxies, or an array of their addresses or subnets',
  });

/** As ids of the limiter. */
export function isName(value: string): boolean {
  const isLong = value.length > LONGEST_NAME;
  return value !== '' && !isLong && value.isWellFormed() && !CONTROLS.test(value);
}

function isHost(value: string): boolean {
  return isIP(value) !== 0 || isHostName(value);
}

/** What looks like an address is one. */
function isHostName(value: string): boolean {
  const labels = value.split('.');
  const isShort = value.length <= 253 && labels.every((label) => label.length <= 63);
  if (!isShort || /^[\d.]+$/.test(value)) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/i.test(label));
}

function isHostWithPort(value: string): boolean {
  const { host, port: number } =
    /^(?<host>\[.+\]|[^:]+)(:(?<port>\d{1,5}))?$/.exec(value)?.groups ?? {};
  if (host === undefined || Number(number ?? 0) > 65_535) return false;
  return host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : isHost(host);
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

function isSubnet(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}
