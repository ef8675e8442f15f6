/**
 * The codes of what is wrong in what was written for Slotkeeper, with their meanings.
 */
export const configFaultCodes = {
  invalid_config: 'A configuration cannot be; `details.faults` has every fault with key and origin',
  invalid_key: 'An API key cannot have such an id or owner; nothing was made',
  bad_work_order: 'A line is no work order; `details.faults` has every fault of it',
} as const;
