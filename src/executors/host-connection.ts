/**
 * A connection to a command host, as long as that answers.
 *
 * One that hangs without dying (it was stopped, or its disk does not come back) would leave its keeper waiting for
 * ever. So it is asked again and again, and one that is silent too long is killed, which makes it dead: told by pid,
 * tick of start and boot, from what it has said or, before that, from its card. What it ran is no child of anybody
 * then, and is watched until it is gone. Where nobody can say which process it is, the connection is only given up.
 */
import { connect, type Socket } from 'node:net';
import { hostAt, killHost } from './host-card.ts';
import { type HostNotice, say } from './host-protocol.ts';
import type { ProcessIdentity } from './process-table.ts';
import { Silence } from './silence.ts';

/** How long a host may be silent. */
export interface Patience {
  /** Milliseconds from one question to the next. */
  readonly everyMs: number;
  /** Questions that may go unanswered, before and after it has said who it is. */
  readonly beforeHello: number;
  readonly afterHello: number;
}

export class HostConnection {
  readonly socket: Socket;
  private readonly path: string;
  private readonly patience: Patience;
  private readonly silence: Silence;
  private hello: Extract<HostNotice, { type: 'hello' }> | undefined = undefined;

  constructor(path: string, patience: Patience) {
    this.path = path;
    this.patience = patience;
    this.socket = connect(path);
    this.socket.on('error', () => {});
    this.silence = new Silence({
      everyMs: patience.everyMs,
      ask: () => say(this.socket, { type: 'ping' }),
      silentFor: (ticks) => this.giveUpAfter(ticks),
    });
    this.socket.on('close', () => this.silence.end());
  }

  heard(notice: HostNotice): void {
    this.silence.broken();
    if (notice.type !== 'hello') return;
    this.hello = notice;
    // It is of another time, or of a system that cannot tell one process from another.
    if (!notice.identity) this.silence.end();
  }

  private giveUpAfter(ticks: number): boolean {
    const { hello, patience, socket } = this;
    if (ticks < (hello ? patience.afterHello : patience.beforeHello)) return false;
    killHost(this.host);
    socket.destroy();
    return true;
  }

  private get host(): ProcessIdentity | undefined {
    return this.hello?.identity ?? hostAt(this.path);
  }
}
