/**
 * Requests as they are given, with any path and any header, over connections that are kept.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

/** Whoever is not answered then is not answered at all. */
const BOUND_MS = 20_000;

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface RawReply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export class Connections {
  private readonly url: string;
  private readonly agent: Agent;

  constructor(url: string, most: number) {
    this.url = url;
    this.agent = new Agent({ keepAlive: true, maxSockets: most });
  }

  /** Rejects when there is no answer in time. Of a stream of events the first are taken. */
  ask({ method, path, headers, body }: RawRequest): Promise<RawReply> {
    const { hostname, port } = new URL(this.url);
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(BOUND_MS);
      const to = { hostname, port, method, path, signal, agent: this.agent };
      const asked = request({ ...to, headers: framed(headers, body) }, (response) =>
        replyOf(response).then(resolve, reject),
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** By its length, for Node frames no body of a method that has none usually. */
function framed(headers: RawRequest['headers'], body: string | undefined) {
  return body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) };
}

async function replyOf(response: IncomingMessage): Promise<RawReply> {
  const { statusCode: status = 0, headers } = response;
  const type = headers['content-type'] ?? '';
  if (!type.startsWith('text/event-stream')) return { status, type, text: await text(response) };
  for await (const chunk of response) return { status, type, text: String(chunk) };
  return { status, type, text: '' };
}
