/**
 * The codes of the faults that the limiter raises, with their meanings. Refusals have their own
 * (`refusalCodes`), and so has the loss of a slot (`slotLostCodes`).
 */
export const limiterFaultCodes = {
  invalid_id: 'An id is no well-formed string of 1 to 256 UTF-16 units without control characters',
  not_a_client: "The limiter's server was called past the limiter's functions",
  stale_token: 'A lease was renewed with a token that is not the one of the grant that is held',
  stopped: 'The limiter was stopped, before or while it was asked',
  tables_inconsistent: 'After a crash the slot tables disagree with themselves; nothing is granted',
} as const;
