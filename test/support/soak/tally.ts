/**
 * What happened in a soak, counted by sort and name; and what was found wrong.
 */

export type Counts = Readonly<Record<string, number>>;

export class Tally {
  private readonly sorts = new Map<string, Map<string, number>>();

  count(sort: string, name: string, times = 1): void {
    const counts = this.sorts.get(sort) ?? new Map<string, number>();
    this.sorts.set(sort, counts.set(name, (counts.get(name) ?? 0) + times));
  }

  /** By sort, then by name. */
  get counts(): Readonly<Record<string, Counts>> {
    const sorts = [...this.sorts].sort().map(([sort, counts]) => {
      return [sort, Object.fromEntries([...counts].sort())] as const;
    });
    return Object.fromEntries(sorts);
  }
}

/** What was found wrong since it was last asked for: those who find it may not throw where they are. */
export class Complaints {
  private list: string[] = [];

  readonly add = (complaint: string): void => {
    this.list.push(complaint);
  };

  /** Complains unless it is so. */
  readonly expect = (isSo: boolean, complaint: () => string): void => {
    if (!isSo) this.list.push(complaint());
  };

  /** Complains unless both are the same tokens. */
  readonly expectSame = (known: Iterable<number>, told: Iterable<number>, of: string): void => {
    const [wanted, found] = [new Set(known), new Set(told)];
    const missing = [...wanted].filter((token) => !found.has(token));
    const strange = [...found].filter((token) => !wanted.has(token));
    if (missing.length + strange.length === 0) return;
    this.list.push(`${of}: tokens ${missing} are missing, ${strange} are strange`);
  };

  take(): string[] {
    const { list } = this;
    this.list = [];
    return list;
  }
}
