/**
 * The journal of a limiter whose slots die with the process: it commits nothing.
 *
 * What a restart of the limiter's actor needs is in memory already, in the tables themselves. A second
 * copy of them would cost a third of the speed and could only disagree with the first.
 */
import type { Journal } from './journal.ts';

export const memoryJournal: Journal = Object.freeze({ isDurable: false, commit: () => {} });
