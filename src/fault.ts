/**
 * The base class of every coded fault that Slotkeeper throws or rejects with.
 *
 * A fault has a stable `code` to branch on, a message that says what was expected and what was got,
 * `details` as plain data for logs, and a `cause` where another error led to it. The codes live
 * beside what raises them; `errors.ts` gathers them into one table.
 */

/** Facts of one fault, ready to be logged as JSON. */
export type FaultDetails = Readonly<Record<string, unknown>>;

export class SlotkeeperError<Code extends string = string> extends Error {
  override readonly name: string = 'SlotkeeperError';
  readonly code: Code;
  readonly details: FaultDetails;

  constructor(code: Code, message: string, details: FaultDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  /** What a log or an HTTP body may show: no stack, no cause. */
  toJSON(): { name: string; code: Code; message: string; details: FaultDetails } {
    return { name: this.name, code: this.code, message: this.message, details: this.details };
  }
}

/** For what says nothing about a place in the code: a stack costs ten times as much as the rest. */
export function withoutStack<Fault extends Error>(make: () => Fault): Fault {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
