/**
 * The run ids of this process: a random prefix tells processes apart, also in logs and journals.
 */
import { RunIds } from '../slots/index.ts';

export const runIds = new RunIds(`${crypto.randomUUID().slice(0, 8)}-`);
