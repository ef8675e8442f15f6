/**
 * Requests made from the description of an API: to every operation of it, right and wrong in every part, and
 * to what is none.
 */
import fc from 'fast-check';
import type { RawRequest } from './raw-requests.ts';
import { type JsonSchema, valuesOf } from './schema-values.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: JsonSchema;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: JsonSchema } };
  };
}

export interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** In a path: the run that was answered last. */
export const LAST_RUN = '$run';

/** Programs that do no harm, whatever they are called with, and one that is not there. */
const program = fc.constantFrom('true', 'echo', 'printf', '/no/such/program');
const cmd = fc
  .tuple(program, fc.array(valuesOf({ type: 'string' }), { maxLength: 3 }))
  .map(([first, rest]) => [first, ...rest]);

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];
const PATHS = ['/', '//', '/v1', '/v1/sessions/', '/V1/status', '/../etc/passwd', '*', '/%', '/?'];
const ESCAPES = [
  '%',
  '%00',
  '%0a',
  '%E0%A4%A',
  '..',
  '%2e%2e%2f',
  '%2F',
  '*',
  ':id',
  '$run',
  'a;b',
];
const QUERIES = ['%', 'a[b]=c', 'runId=a&runId=b', '__proto__=1', 'dryRun', '=', '&&', '?'];
type Header = readonly [string, string];
const HEADERS: readonly Header[] = [
  ['content-type', 'text/plain'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-type', 'multipart/form-data; boundary=a'],
  ['content-type', ';'],
  ['content-encoding', 'gzip'],
  ['accept', 'text/html;q=x'],
  ['accept-encoding', 'br, *;q=0'],
  ['authorization', 'Bearer'],
  ['authorization', `Basic ${'x'.repeat(4_000)}`],
  ['origin', 'https://evil.example'],
  ['origin', 'null'],
  ['host', 'evil.example'],
  ['host', ''],
  ['x-forwarded-for', '1.2.3.4, ::1, nonsense'],
  ['x-forwarded-host', 'evil.example'],
  ['x-request-id', 'a'.repeat(1_000)],
  ['if-none-match', '*'],
  ['range', 'bytes=0-1'],
  ['expect', '100-continue'],
  ['expect', 'the-unexpected'],
  ['upgrade', 'websocket'],
  ['cookie', 'a=b; __proto__=c'],
  ['last-event-id', '-1'],
  ['idempotency-key', 'k'],
  ['idempotency-key', 'k'.repeat(1_000)],
  ['connection', 'close'],
  ['x-large', 'x'.repeat(20_000)],
];
const JSON_TYPE = { 'content-type': 'application/json' };
const TEXTS = ['', '{', '{"a":', 'null', '"', '[', '\0', '{"__proto__":{"a":1}}', '{"a":1,"a":2}'];

export function requestsOf({ paths }: Description): fc.Arbitrary<RawRequest> {
  const all = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) =>
      requestTo(method.toUpperCase(), path, operation),
    ),
  );
  return fc.oneof({ weight: 20, arbitrary: fc.oneof(...all) }, { weight: 1, arbitrary: stray() });
}

function requestTo(method: string, path: string, operation: Operation): fc.Arbitrary<RawRequest> {
  const sent = operation.requestBody ? bodyOf(operation) : fc.constant(undefined);
  return fc
    .record({
      method: mostly(fc.constant(method), fc.constantFrom(...METHODS)),
      path: fc.tuple(pathTo(path), queryOf(operation)).map((parts) => parts.join('')),
      headers: headers(),
      body: mostly(sent, bodyOf(operation)),
    })
    .map(({ body, headers, ...request }) =>
      body === undefined
        ? { ...request, headers }
        : { ...request, headers: { ...JSON_TYPE, ...headers }, body },
    );
}

/** To nothing that is described. */
function stray(): fc.Arbitrary<RawRequest> {
  const path = fc.oneof(
    fc.constantFrom(...PATHS),
    fc.webPath().map((one) => `/${one}`),
  );
  return fc.record({ method: fc.constantFrom(...METHODS), path, headers: headers() });
}

function pathTo(path: string): fc.Arbitrary<string> {
  const value = mostly(
    fc.oneof(fc.constant(LAST_RUN), valuesOf({ type: 'string' }).map(escaped)),
    fc.constantFrom(...ESCAPES, 'x'.repeat(3_000)),
  );
  const parts = path.split(/\{\w+\}/);
  return fc
    .array(value, { minLength: parts.length - 1, maxLength: parts.length - 1 })
    .map((values) => parts.map((part, at) => part + (values[at] ?? '')).join(''));
}

function queryOf({ parameters = [] }: Operation): fc.Arbitrary<string> {
  const asked = parameters.filter((one) => one.in === 'query');
  const values = asked.map(({ name, schema }) => [name, valuesOf(schema).map(escaped)]);
  const named = fc
    .record(Object.fromEntries(values), { requiredKeys: [] })
    .map((query) => Object.entries(query).map(([name, value]) => `${name}=${value}`));
  return mostly(named, fc.subarray(QUERIES)).map((parts) =>
    parts.length > 0 ? `?${parts.join('&')}` : '',
  );
}

function headers(): fc.Arbitrary<Record<string, string>> {
  const strange = fc.subarray([...HEADERS], { minLength: 1, maxLength: 2 });
  return mostly(fc.constant<Header[]>([]), strange).map((more) => {
    return Object.fromEntries(more);
  });
}

function bodyOf({ requestBody }: Operation): fc.Arbitrary<string> {
  const { schema = {} } = requestBody?.content['application/json'] ?? {};
  const text = valuesOf(schema)
    .chain(withoutHarm)
    .map((value) => JSON.stringify(value));
  const cut = fc.tuple(text, fc.nat(100)).map(([one, at]) => one.slice(0, at));
  const deep = fc.nat(20_000).map((depth) => '['.repeat(depth));
  return mostly(text, fc.oneof(cut, deep, fc.constantFrom(...TEXTS)));
}

/** Whatever else is asked, what is to be run is one of ours. */
function withoutHarm(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value !== 'object' || value === null || !('cmd' in value)) return fc.constant(value);
  return fc.oneof(
    { weight: 8, arbitrary: cmd.map((one) => ({ ...value, cmd: one })) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom([], [''], [1], 'true', null, ['true', 1])
        .map((one) => ({ ...value, cmd: one })),
    },
  );
}

function mostly<Usual, Strange>(usual: fc.Arbitrary<Usual>, strange: fc.Arbitrary<Strange>) {
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: strange });
}

function escaped(value: unknown): string {
  return encodeURIComponent(String(value).toWellFormed());
}
