/**
 * Why a slot's signal has aborted: the slot ended otherwise than by its holder's own release.
 */
import { SlotkeeperError } from '../fault.ts';
import type { EndReason } from '../slots/index.ts';

/** How slots end, with what it means for the one who held it. */
export const slotLostCodes = {
  released: 'the slot was released by its id, not by its holder',
  cascade: "the slot's session was released",
  expired: "the slot's lease has run out",
  holder_down: "the slot's holder is down",
  interrupted: 'the process that held the slot has ended',
  evicted: 'an operator has ended the slot',
  stopped: 'the limiter has stopped',
} as const satisfies Record<EndReason, string>;

export class SlotLostError extends SlotkeeperError<EndReason> {
  override readonly name: string = 'SlotLostError';

  constructor(code: EndReason, id: string) {
    const meaning = slotLostCodes[code];
    super(code, `The slot ${id} is lost: ${meaning}`, { id });
  }
}
