/**
 * What requests have in common.
 */
import { z } from 'zod';

/** As ids of the limiter. */
const LONGEST_ID = 256;
const CONTROLS = /\p{Cc}/u;
/** As the limiter takes. */
const MOST_LABELS = 16;

export const id = z
  .string()
  .min(1)
  .max(LONGEST_ID)
  .refine((value) => value.isWellFormed() && !CONTROLS.test(value), 'no control characters');

export const labels = z
  .record(id, z.string().max(LONGEST_ID))
  .refine((value) => Object.keys(value).length <= MOST_LABELS, `at most ${MOST_LABELS}`)
  .meta({ maxProperties: MOST_LABELS });

/** In a query all is text. */
export const flagInQuery = z.enum(['true', 'false']).transform((text) => text === 'true');

/** The kernel ends a string at NUL. */
export const systemText = z.string().refine((value) => !value.includes('\0'), 'no NUL');

export const onDisconnect = z
  .enum(['cancel', 'detach'])
  .describe('What becomes of the run when the client goes away before he is answered');
