/**
 * Whether the daemon could listen where it is told to. The one sure way to know is to listen: for a moment,
 * and nobody is answered.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../../config/index.ts';
import type { Finding } from './finding.ts';

type Door = Config['listen'];

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there: end that, or say another listen.port',
  EACCES: 'this user may not listen there: say another listen.port',
  EADDRNOTAVAIL: 'this machine has no such address: say another listen.host',
  ENOTFOUND: 'nobody knows that host: say another listen.host',
};

export async function doorFinding(door: Door): Promise<Finding> {
  const { host, port } = door;
  const place = port === 0 ? `a port of ${host} that is free` : `port ${port} of ${host}`;
  return { part: 'listen', plan: `on ${place}`, fault: await doorFault(door, place) };
}

async function doorFault({ host, port }: Door, place: string): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException; // of the network
    return `cannot listen on ${place}: ${REASONS[code] ?? message}`;
  } finally {
    server.close();
  }
}
