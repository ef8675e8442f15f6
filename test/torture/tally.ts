/**
 * What a torture has come to, in numbers.
 */
export class Tally {
  readonly counts = {
    kills: 0,
    'kills while it started': 0,
    'kills while it was hammered': 0,
    'kills while it stood idle': 0,
    asks: 0,
    answers: 0,
    grants: 0,
    releases: 0,
    refusals: 0,
    'in flight at kills': 0,
    tokens: 0,
    'durable sessions compared': 0,
    'process slots interrupted': 0,
    'reads beside the keeper': 0,
  };
  private readonly recoveries: number[] = [];

  add(what: keyof Tally['counts'], count = 1): void {
    this.counts[what] += count;
  }

  recovered(tookMs: number): void {
    this.recoveries.push(tookMs);
  }

  toString(): string {
    const lines = Object.entries(this.counts).map(([what, count]) => `  ${what}: ${count}`);
    const sorted = this.recoveries.toSorted((one, other) => one - other);
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
    const times = `p50 ${median.toFixed(1)} ms, max ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;
    return [...lines, `  starts on the journal: ${sorted.length}, ${times}`].join('\n');
  }
}
