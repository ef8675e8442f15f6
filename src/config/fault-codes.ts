/**
 * The codes of what is wrong in what was written for Slotkeeper, with their meanings.
 */
export const configFaultCodes = {
  bad_work_order: 'A line is no work order; `details.faults` has every fault of it',
} as const;
