/**
 * Every coded fault, in one table: code and meaning. The codes live beside what raises them.
 */
import { cliFaultCodes } from './cli/fault-codes.ts';
import { configFaultCodes } from './config/fault-codes.ts';
import { executorFaultCodes } from './executors/fault-codes.ts';
import { httpFaultCodes } from './http/fault-codes.ts';
import { journalFaultCodes } from './journal/journal-faults.ts';
import { limiterFaultCodes } from './limiter/fault-codes.ts';
import { otpFaultCodes } from './otp/index.ts';
import { sessionFaultCodes } from './sessions/fault-codes.ts';

export const faultCodes = {
  ...otpFaultCodes,
  ...limiterFaultCodes,
  ...journalFaultCodes,
  ...sessionFaultCodes,
  ...executorFaultCodes,
  ...configFaultCodes,
  ...cliFaultCodes,
  ...httpFaultCodes,
} as const;

export type FaultCode = keyof typeof faultCodes;
