/**
 * A job: a function that has a slot while it works, and works until it is told how to end.
 */
import type { RunSlot } from 'slotkeeper';
import type { Ask, Hold } from './ask.ts';
import { GIVEN_BACK, type Ledger } from './ledger.ts';
import type { Complaints } from './tally.ts';

export class Job {
  readonly ask: Ask;
  private readonly complaints: Complaints;
  private hold: Hold | undefined;
  private calls = 0;
  private finish: (result: Job) => void = () => {};
  private fail: (error: Error) => void = () => {};
  private error: Error | undefined;

  constructor(ask: Ask, complaints: Complaints) {
    this.ask = ask;
    this.complaints = complaints;
  }

  /** Its function is called. */
  begin(ledger: Ledger, slot: RunSlot): Promise<Job> {
    this.calls += 1;
    this.complaints.expect(this.calls === 1, () => `${this.ask.subject} was begun twice`);
    this.hold = ledger.granted(this.ask, { token: slot.token, runId: slot.runId, slot });
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
  }

  /** It ends, and gives back its slot if it has it still. */
  end(ledger: Ledger, error?: Error): void {
    if (this.hold) ledger.end(this.hold, GIVEN_BACK);
    this.error = error;
    if (error) this.fail(error);
    else this.finish(this);
  }

  /** What its caller was told. */
  resolved(result: Job): void {
    this.complaints.expect(result === this, () => `${this.ask.subject} has another's result`);
  }

  rejected(ledger: Ledger, error: unknown): void {
    if (this.calls === 0) ledger.refused(this.ask, error);
    else this.complaints.expect(error === this.error, () => `${this.ask.subject}: ${error}`);
  }
}
