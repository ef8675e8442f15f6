/**
 * What the governance of execs did before this daemon, and what was wrong with it: each test shows the behaviour that
 * is right, of the real process over a real socket. Their times are in `exec-governance-times.test.ts`.
 */
import { readdirSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { marked } from '../support/commands.ts';
import { DaemonProcess, type Reply, runsIn, until } from '../support/daemon-process.ts';
import { freshPlace } from '../support/journal-places.ts';
import { Programs } from '../support/programs.ts';

const MIB = 1024 * 1024;
const FULL = { status: 429, body: { code: 'max_runs_per_session_exceeded' } };

function argsOf(content: object = {}): string[] {
  const journal = { path: freshPlace() };
  const file = `${journal.path}.json`;
  const base = { listen: { port: 0 }, journal, exec: { enabled: true } };
  writeFileSync(file, JSON.stringify({ ...base, ...content }));
  return ['--config', file];
}

/** A session of a daemon, opened anew. */
class Opened {
  readonly path: string;
  private readonly daemon: DaemonProcess;

  private constructor(daemon: DaemonProcess, sessionId: string) {
    this.daemon = daemon;
    this.path = `/v1/sessions/${sessionId}`;
  }

  static async in(daemon: DaemonProcess, sessionId: string, terms: object = {}): Promise<Opened> {
    expect((await daemon.ask('POST', '/v1/sessions', { sessionId, ...terms })).status).toBe(201);
    return new Opened(daemon, sessionId);
  }

  exec(cmd: readonly string[], more: object = {}): Promise<Reply> {
    return this.daemon.ask('POST', `${this.path}/exec`, { cmd, ...more });
  }

  sh(script: string): Promise<Reply> {
    return this.exec(['sh', '-c', script]);
  }

  look(): Promise<Reply> {
    return this.daemon.ask('GET', this.path);
  }

  /** Resolves with the id of its one run when that is there. */
  async runId(): Promise<string> {
    const { body } = await until(
      () => this.look(),
      ({ body }) => runsIn(body).length === 1,
    );
    return runsIn(body)[0]?.runId ?? '';
  }
}

describe('an exec', () => {
  let daemon: DaemonProcess;

  beforeAll(async () => {
    daemon = await DaemonProcess.start(argsOf());
  });

  test('being refused as unknown before anything else is looked at', async () => {
    const unknown = await daemon.ask('POST', '/v1/sessions/nobody/exec', { cmd: ['/no/such'] });
    expect(unknown).toMatchObject({ status: 404, body: { code: 'session_not_found' } });
  });

  test('being a program with its arguments as they are, which no shell sees', async () => {
    const session = await Opened.in(daemon, 'literal');
    const { folder } = new Programs();
    const words = [`$(touch ${folder}/a)`, `;touch ${folder}/b`, '`id`', '*', 'it\'s "so"', '\n'];
    const { body } = await session.exec(['printf', '%s|', ...words], { cwd: folder });
    expect(body).toMatchObject({ state: 'succeeded', stdout: `${words.join('|')}|` });
    expect(readdirSync(folder)).toEqual(['here']);
  });

  test('having characters as a whole that come in pieces', async () => {
    const session = await Opened.in(daemon, 'pieces');
    const programs = new Programs();
    const script = `printf 'a\\342\\202'; ${programs.untilGo('half')}; printf '\\254b'`;
    const reply = session.sh(script);
    const run = `/v1/runs/${await session.runId()}`;
    // The first half is there, and shown to nobody.
    await until(
      () => daemon.ask('GET', run),
      ({ body }) => body.stdout === 'a',
    );
    programs.go('half');
    expect((await reply).body).toMatchObject({ stdout: 'a€b', stdoutTruncated: false });
    const many = await session.sh(`yes '€' | head -n 100000`);
    expect(many.body.stdout).toBe('€\n'.repeat(100_000));
  });

  test('being bounded in what it prints, and said to be cut', async () => {
    const session = await Opened.in(daemon, 'bounded');
    const { status, body } = await session.sh(
      `head -c ${3 * MIB} /dev/zero | tr '\\0' x; echo oops >&2`,
    );
    expect({ status, state: body.state }).toEqual({ status: 200, state: 'succeeded' });
    expect(body).toMatchObject({ stdoutTruncated: true, stderr: 'oops\n', stderrTruncated: false });
    expect(body.stdout === 'x'.repeat(MIB)).toBe(true);
  });

  test('that is refused leaving no run, and no other session any less room', async () => {
    const session = await Opened.in(daemon, 'full');
    const other = await Opened.in(daemon, 'beside');
    const programs = new Programs();
    const names = ['one', 'two'];
    const replies = names.map((name) => session.exec(programs.patient(name)));
    for (const name of names) await programs.hasBegun(name);
    const refused = await session.exec(['true']);
    expect(refused).toMatchObject({ ...FULL, body: { limit: 2, active: 2, scope: 'session' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(runsIn((await session.look()).body)).toHaveLength(2);
    expect((await other.exec(['true'])).body.state).toBe('succeeded');
    programs.go(...names);
    expect((await Promise.all(replies)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('a slot of a session', () => {
  let daemon: DaemonProcess;

  beforeAll(async () => {
    daemon = await DaemonProcess.start(argsOf({ limits: { maxRunsPerSession: 1 } }));
  });

  test('being kept until what the program has left behind is gone too', async () => {
    const session = await Opened.in(daemon, 'left-behind');
    const programs = new Programs();
    const { env, alive } = marked();
    const left = `touch ${programs.at('left')}.begun; ${programs.untilGo('left')}`;
    const reply = session.exec(['sh', '-c', `(setsid sh -c '${left}' &); exit 3`], { env });
    await programs.hasBegun('left');
    expect(await session.exec(['true'])).toMatchObject(FULL);
    programs.go('left');
    expect((await reply).body).toMatchObject({ state: 'failed', exitCode: 3 });
    expect(alive()).toEqual([]);
    expect((await session.exec(['true'])).body.state).toBe('succeeded');
  });

  test('being free again where the program could not be started, however often', async () => {
    const session = await Opened.in(daemon, 'not-started');
    for (let times = 0; times < 3; times += 1) {
      const { status, body } = await session.exec(['/no/such']);
      expect([status, body.state]).toEqual([200, 'failed']);
      expect(body.error).toMatchObject({ code: 'command_not_started' });
      expect(JSON.stringify(body)).not.toMatch(/\bat .+[jt]s:\d+/);
    }
    expect((await session.exec(['true'])).body.state).toBe('succeeded');
  });

  test('being counted over a close of the session until the program is gone', async () => {
    const session = await Opened.in(daemon, 'closed');
    const programs = new Programs();
    const { env, alive } = marked();
    const reply = session.exec(programs.stubborn('a'), { env });
    await programs.hasBegun('a');
    const closed = daemon.ask('DELETE', session.path);
    await programs.wasTold('a');
    const gone = { status: 410, body: { code: 'session_closed', reason: 'released' } };
    expect(await session.exec(['true'])).toMatchObject(gone);
    const again = await daemon.ask('POST', '/v1/sessions', { sessionId: 'closed' });
    expect(again).toMatchObject({ status: 409, body: { code: 'session_closing' } });
    expect((await daemon.ask('GET', '/v1/status')).body.activeRuns).toBe(1);
    programs.go('a');
    const end = { state: 'cancelled', reason: 'session_released' };
    expect(await reply).toMatchObject({ status: 200, body: end });
    expect((await closed).body).toMatchObject({ reason: 'released', isComplete: true });
    expect([alive(), (await session.look()).status]).toEqual([[], 410]);
  });

  test('being one of as many as ever in a session that is opened anew', async () => {
    const first = await Opened.in(daemon, 'anew');
    const programs = new Programs();
    const ended = first.exec(programs.patient('first'));
    await programs.hasBegun('first');
    await daemon.ask('DELETE', first.path);
    await ended;
    const second = await Opened.in(daemon, 'anew');
    const reply = second.exec(programs.patient('second'));
    await programs.hasBegun('second');
    expect(await second.exec(['true'])).toMatchObject({ ...FULL, body: { limit: 1, active: 1 } });
    programs.go('second');
    expect((await reply).body.state).toBe('succeeded');
    expect((await daemon.ask('GET', '/v1/status')).body.activeRuns).toBe(0);
  });
});

describe('the next daemon', () => {
  test('telling of a session that has ended what the first has told', async () => {
    const args = argsOf();
    const first = await DaemonProcess.start(args);
    const idle = await Opened.in(first, 'idle', { idleTimeoutMs: 1 });
    const old = await Opened.in(first, 'old', { maxLifetimeMs: 1 });
    const closed = await Opened.in(first, 'closed');
    await first.ask('DELETE', closed.path);
    const isGone = ({ status }: Reply) => status === 410;
    const told: object[] = [];
    for (const session of [idle, old, closed]) told.push(await until(() => session.look(), isGone));
    const reasons = ['idle_timeout', 'max_lifetime', 'released'];
    expect(told).toMatchObject(reasons.map((reason) => ({ body: { reason } })));
    await first.kill();
    const second = await DaemonProcess.start(args);
    for (const [at, { path }] of [idle, old, closed].entries()) {
      const { body } = await second.ask('POST', `${path}/exec`, { cmd: ['true'] });
      const { requestId: _, ...rest } = Reflect.get(told[at] ?? {}, 'body') as Reply['body']; // a reply
      expect(body).toMatchObject(rest);
    }
  });

  test('counting an exec that is at work still', async () => {
    const args = argsOf({ limits: { maxRunsPerSession: 1 } });
    const programs = new Programs();
    const first = await DaemonProcess.start(args);
    const { path } = await Opened.in(first, 's');
    const reply = first.ask('POST', `${path}/exec`, { cmd: programs.patient('a') });
    reply.catch(() => {}); // its daemon is killed before it answers
    await programs.hasBegun('a');
    await first.kill();
    const second = await DaemonProcess.start(args);
    const ask = () => second.ask('POST', `${path}/exec`, { cmd: ['true'] });
    expect(await ask()).toMatchObject({ ...FULL, body: { limit: 1, active: 1 } });
    programs.go('a');
    const { body } = await until(ask, ({ status }) => status === 200);
    expect(body.state).toBe('succeeded');
  });

  test('having the sessions as old as they are, wherever on earth it is started', async () => {
    const args = argsOf();
    const first = await DaemonProcess.start(args, { TZ: 'America/Los_Angeles' });
    const before = Date.now();
    const { path } = await Opened.in(first, 's', { idleTimeoutMs: 600_000 });
    const { createdAt } = (await first.ask('GET', path)).body;
    expect(createdAt).toBeGreaterThanOrEqual(before);
    expect(createdAt).toBeLessThanOrEqual(Date.now());
    await first.kill();
    const second = await DaemonProcess.start(args, { TZ: 'Asia/Tokyo' });
    const found = await second.ask('GET', path);
    expect(found).toMatchObject({ status: 200, body: { state: 'active', createdAt } });
  });
});
