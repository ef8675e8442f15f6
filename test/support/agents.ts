/**
 * Agents of a daemon that write down what they were given, one line each, and work until they may end.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Asked, until } from './daemon-process.ts';
import { freshFolder } from './journal-places.ts';

export class AgentPlace {
  readonly args: readonly string[];
  private readonly folder = freshFolder();

  /** `more`: of the configuration. */
  constructor(more: object = {}) {
    // None outlives the folder, which is gone when its test file is done, or made anew by a host.
    writeFileSync(join(this.folder, 'here'), '');
    this.args = this.argsWith('slotkeeper.json', more);
  }

  /** Of a daemon in the same place, with another configuration. */
  argsWith(name: string, more: object): string[] {
    const file = join(this.folder, name);
    const journal = { path: join(this.folder, 'journal.db') };
    const isOver = `[ -e ${this.folder}/go ] || [ ! -e ${this.folder}/here ]`;
    // Of several who write at a time, each writes his line at once.
    const note = `line=$(cat); printf '%s\\n' "$line" >> ${this.ledger}`;
    const text = `${note}; until ${isOver}; do sleep 0.05; done`;
    const agent = { command: 'sh', args: ['-c', text] };
    writeFileSync(file, JSON.stringify({ listen: { port: 0 }, journal, agent, ...more }));
    return ['--config', file];
  }

  /** The groups of those that have begun, in their order. */
  get begun(): string[] {
    if (!existsSync(this.ledger)) return [];
    const lines = readFileSync(this.ledger, 'utf8').split('\n').slice(0, -1);
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line).group);
  }

  /** Resolves with its id. */
  async start(daemon: Asked, group: string): Promise<string> {
    const { body } = await daemon.ask('POST', '/api/agent/start', { config: {}, group });
    return String(body.agentId);
  }

  /** The first of these is at work, the others wait. */
  async line(daemon: Asked, groups: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const group of groups) ids.push(await this.start(daemon, group));
    await until(
      () => daemon.ask('GET', '/healthz'),
      () => this.begun.length > 0,
    );
    return ids;
  }

  /** Whoever works ends, and whoever begins later. */
  go(): void {
    writeFileSync(join(this.folder, 'go'), '');
  }

  private get ledger(): string {
    return join(this.folder, 'ledger');
  }
}

/** Resolves with the states of runs when they are over. */
export async function ends(daemon: Asked, ids: readonly string[]): Promise<unknown[]> {
  const states: unknown[] = [];
  for (const id of ids) {
    const { body } = await until(
      () => daemon.ask('GET', `/v1/runs/${id}`),
      ({ body }) => body.endedAt !== null,
    );
    states.push(body.state);
  }
  return states;
}

/** Resolves when it has no session any more. */
export async function noSessions(daemon: Asked): Promise<void> {
  await until(
    () => daemon.ask('GET', '/v1/sessions'),
    ({ body }) => (body.sessions as readonly unknown[]).length === 0, // as they are answered
  );
}
