/**
 * What a look at one part of the daemon has found: what it would do, and what keeps it from that.
 */
import { SlotkeeperError } from '../../fault.ts';

export interface Finding {
  readonly part: string;
  /** What would be done. */
  readonly plan: string;
  /** Why it cannot be. */
  readonly fault?: string | undefined;
}

/** Throws `check_failed`, with every fault. */
export function expectNoFault(findings: readonly Finding[]): void {
  const faults = findings.flatMap(({ part, fault }) =>
    fault === undefined ? [] : [{ part, fault }],
  );
  if (faults.length === 0) return;
  const lines = faults.map(({ part, fault }) => `\n  ${part}: ${fault}`);
  const text = `The configuration is right, and serve could not start with it:${lines.join('')}`;
  throw new SlotkeeperError('check_failed', text, { faults });
}
