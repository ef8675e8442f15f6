/**
 * A file in which programs write down when they begin and when they end, each line appended in one piece, so
 * that who was at work at the same time can be read from it afterwards.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkOrder } from '../../src/config/work-order.ts';
import { script } from './runner.ts';

export interface LedgerLine {
  readonly word: 'start' | 'end';
  readonly id: string;
  readonly session: string;
}

export class ShiftLedger {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, 'ledger');
  }

  /** A job that writes down when it begins and ends, with `text` between. */
  job(id: string, text = 'sleep 0.02', rest: Omit<WorkOrder, 'cmd' | 'id'> = {}): WorkOrder {
    const { session = 'default' } = rest;
    const told = (word: string) => `echo "${word} ${id} ${session}" >> '${this.path}'`;
    return script(`${told('start')}; ${text}; ${told('end')}`, { id, ...rest });
  }

  /** A piece of a script: it goes on when it is told to. */
  get waits(): string {
    return `while [ ! -e '${this.path}.go' ]; do sleep 0.01; done`;
  }

  /** Those that wait go on. */
  go(): void {
    writeFileSync(`${this.path}.go`, '');
  }

  get lines(): LedgerLine[] {
    if (!existsSync(this.path)) return [];
    const lines = readFileSync(this.path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [word, id = '', session = ''] = line.split(' ');
      return { word: word === 'start' ? 'start' : 'end', id, session };
    });
  }

  /** The ids in the order in which they have begun, or ended. */
  ids(word: LedgerLine['word']): string[] {
    return this.lines.filter((line) => line.word === word).map(({ id }) => id);
  }

  /** How many that count as different were at work at once, of those that `isMeant`. */
  mostAtOnce(
    countedAs: (line: LedgerLine) => string = ({ id }) => id,
    isMeant: (line: LedgerLine) => boolean = () => true,
  ): number {
    const atWork = new Map<string, string>();
    let most = 0;
    for (const line of this.lines.filter(isMeant)) {
      if (line.word === 'start') atWork.set(line.id, countedAs(line));
      else atWork.delete(line.id);
      most = Math.max(most, new Set(atWork.values()).size);
    }
    return most;
  }
}
