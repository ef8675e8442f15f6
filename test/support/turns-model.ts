/**
 * What the contract says of the order in which those who wait are granted. Where slots go round, whoever
 * shares a session or an owner shares a turn: who was granted goes behind all others, and who begins to
 * wait comes last. Plain data; it knows nothing of the code under test.
 */
import type { Ask } from './limits-model.ts';

export type Fairness = 'arrival' | 'session' | 'owner';

/** A wait, as far as the order is concerned. */
interface Standing {
  readonly terms: Ask;
}

export class TurnsModel {
  private readonly fairness: Fairness;
  /** Who takes turns, next first. */
  private turns: string[] = [];

  constructor(fairness: Fairness) {
    this.fairness = fairness;
  }

  /** Those who wait, by their turns, then by priority, then by arrival. */
  order<Wait extends Standing>(waits: readonly Wait[]): Wait[] {
    const turnOf = ({ terms }: Wait) => this.turns.indexOf(this.groupOf(terms));
    return waits.toSorted(
      (one, other) => turnOf(one) - turnOf(other) || other.terms.priority - one.terms.priority,
    );
  }

  /** How many go before one of them, if no limit blocks anybody. */
  aheadOf<Wait extends Standing>(wait: Wait, waits: readonly Wait[]): number {
    const rehearsal = new TurnsModel(this.fairness);
    rehearsal.turns = this.turns;
    let left = waits.filter(({ terms }) => terms.table === wait.terms.table);
    for (let ahead = 0; ; ahead += 1) {
      const [next = wait] = rehearsal.order(left);
      if (next === wait) return ahead;
      left = left.filter((one) => one !== next);
      rehearsal.granted(next);
      rehearsal.follow(left);
    }
  }

  /** One of them was granted. */
  granted({ terms }: Standing): void {
    const group = this.groupOf(terms);
    this.turns = [...this.turns.filter((other) => other !== group), group];
  }

  /** These wait now, in the order of their arrival. */
  follow(waits: readonly Standing[]): void {
    const waiting = new Set(waits.map(({ terms }) => this.groupOf(terms)));
    this.turns = [...new Set([...this.turns, ...waiting])].filter((group) => waiting.has(group));
  }

  /** Sessions and runs take turns apart; sessions only between owners. */
  private groupOf({ table, session, owner }: Ask): string {
    if (this.fairness === 'owner') return `${table} of ${owner}`;
    return table === 'run' && this.fairness === 'session' ? `run in ${session}` : table;
  }
}
