/**
 * Programs that are told when to end, and tell when they have begun: by files in a folder of their own.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './commands.ts';
import { freshFolder } from './journal-places.ts';

export class Programs {
  readonly folder = freshFolder();

  constructor() {
    writeFileSync(this.at('here'), '');
  }

  /** Goes on until it may end, or gets a signal. */
  patient(name: string): string[] {
    return ['sh', '-c', `touch ${this.at(name)}.begun; ${this.untilGo(name)}`];
  }

  /** Only takes note of SIGTERM. It is killed when its grace is over. */
  stubborn(name: string): string[] {
    const trap = `trap 'touch ${this.at(name)}.told' TERM`;
    return ['sh', '-c', `${trap}; touch ${this.at(name)}.begun; ${this.untilGo(name)}`];
  }

  /** As a line of a script. None outlives the folder, which is gone when its test file is done. */
  untilGo(name: string): string {
    const isOver = `[ -e ${this.at(name)}.go ] || [ ! -e ${this.at('here')} ]`;
    return `until ${isOver}; do sleep 0.02; done`;
  }

  async hasBegun(name: string): Promise<void> {
    await until(() => existsSync(`${this.at(name)}.begun`));
  }

  /** It has got SIGTERM. */
  async wasTold(name: string): Promise<void> {
    await until(() => existsSync(`${this.at(name)}.told`));
  }

  go(...names: readonly string[]): void {
    for (const name of names) writeFileSync(`${this.at(name)}.go`, '');
  }

  at(name: string): string {
    return join(this.folder, name);
  }
}
