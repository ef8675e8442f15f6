/**
 * What a newcomer can ask a daemon that has just begun: lines for a shell that work as they stand.
 */
import type { Config } from '../config/index.ts';

const JSON_BODY = "-H 'content-type: application/json'";

/** For people. `url`: where it listens. */
export function hintsOf(url: string, { exec, agent, keys }: Config): string {
  const key = keys.length > 0 ? ` -H "authorization: Bearer $SLOTKEEPER_KEY"` : '';
  const post = (path: string, body: object) =>
    `curl -X POST ${url}${path}${key} ${JSON_BODY} -d '${JSON.stringify(body)}'`;
  const lines = [
    post('/v1/sessions', { sessionId: 'demo' }),
    ...(exec.enabled ? [post('/v1/sessions/demo/exec', { cmd: ['uname', '-a'] })] : []),
    ...(agent ? [post('/api/agent/start', { config: {}, group: 'demo' })] : []),
    `curl ${url}/v1/status${key}`,
    `curl ${url}/v1/sessions/demo${key}`,
    `curl -X DELETE ${url}/v1/sessions/demo${key}`,
  ];
  return [
    `Slotkeeper listens on ${url}. In another terminal:`,
    '',
    ...lines.map((line) => `  ${line}`),
    '',
    `Kill it with kill -9 ${process.pid} and start it again: its sessions are there. Ctrl-C ends it.`,
  ].join('\n');
}
