/**
 * How long runs have held their slots lately: the last hundred of each kind.
 *
 * The kinds are bounded too: the one that has been known longest is forgotten first.
 */
const KEPT = 100;
const MOST_KINDS = 1_000;

/** The last hundred of a series. */
class Recent {
  private readonly values: number[] = [];
  private next = 0;

  add(value: number): void {
    this.values[this.next] = value;
    this.next = (this.next + 1) % KEPT;
  }

  list(): readonly number[] {
    return this.values;
  }
}

export class HoldTimes {
  private readonly kindless = new Recent();
  private readonly kinds = new Map<string, Recent>();

  /** A run has ended. */
  add(kind: string | undefined, heldMs: number): void {
    if (kind === undefined) this.kindless.add(heldMs);
    else this.ofKind(kind).add(heldMs);
  }

  /** Milliseconds, in no order. */
  of(kind: string | undefined): readonly number[] {
    return (kind === undefined ? this.kindless : this.kinds.get(kind))?.list() ?? [];
  }

  private ofKind(kind: string): Recent {
    const known = this.kinds.get(kind);
    if (known) return known;
    const recent = new Recent();
    this.kinds.set(kind, recent);
    if (this.kinds.size > MOST_KINDS) this.forgetOldest();
    return recent;
  }

  private forgetOldest(): void {
    for (const kind of this.kinds.keys()) {
      this.kinds.delete(kind);
      return;
    }
  }
}
