/**
 * Every coded fault, in one table: code and meaning. The codes live beside what raises them.
 */
import { otpFaultCodes } from './otp/index.ts';

export const faultCodes = { ...otpFaultCodes } as const;

export type FaultCode = keyof typeof faultCodes;
