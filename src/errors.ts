/**
 * Every coded fault, in one table: code and meaning. The codes live beside what raises them.
 */
import { limiterFaultCodes } from './limiter/fault-codes.ts';
import { otpFaultCodes } from './otp/index.ts';

export const faultCodes = { ...otpFaultCodes, ...limiterFaultCodes } as const;

export type FaultCode = keyof typeof faultCodes;
