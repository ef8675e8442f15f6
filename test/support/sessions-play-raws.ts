/**
 * What is done in a history past sessions and runs, straight to the limiter: runs of its own, and the ids of
 * others.
 */
import type { RunSlot } from '../../src/index.ts';
import type { RawModel } from './sessions-model.ts';
import type { SessionsPlay, Told } from './sessions-play.ts';
import { at } from './sessions-steps.ts';

export class RawSteps {
  private readonly play: SessionsPlay;
  private readonly slots = new Map<RawModel, RunSlot>();

  constructor(play: SessionsPlay) {
    this.play = play;
  }

  acquire(pick: number, waitMs: number): Told {
    const { play } = this;
    const session = at(play.model.active, pick);
    if (!session) return undefined;
    const raw = play.model.askForRaw(play.nextId('raw'), session, play.now);
    const options = { waitTimeoutMs: waitMs, ...ownedBy(session.terms.owner) };
    play.keeper.limiter.acquireRunSlot(session.id, raw.id, options).then(
      (slot) => this.granted(raw, slot),
      (fault: unknown) => {
        session.rawEnded(raw, play.now);
        play.refused.push({ what: raw, fault });
      },
    );
    return `acquire ${raw.id} in ${session.id}, waits ${waitMs}`;
  }

  release(pick: number): Told {
    const held = this.play.model.raws.filter(({ state }) => state === 'held');
    const raw = at(held, pick);
    if (!raw) return undefined;
    raw.session.rawEnded(raw, this.play.now);
    void this.slots.get(raw)?.release();
    return `give back ${raw.id}`;
  }

  /** A run that a session has is nobody else's. */
  takeRun(pick: number): Told {
    const { model, keeper, laws } = this.play;
    const run = at(model.runsThere, pick);
    if (!run) return undefined;
    const options = { waitTimeoutMs: Infinity, ...ownedBy(run.terms.owner) };
    keeper.limiter.acquireRunSlot(run.session.id, run.id, options).then(
      () => laws.wrong(`${run.id} is given to somebody else`),
      (fault: unknown) => laws.notTaken(run, fault),
    );
    return `acquire ${run.id} in ${run.session.id}, which is there`;
  }

  /** The slot of a session is shared with who acquires its id; its first release ends it for all. */
  giveBackSession(pick: number): Told {
    const { model, keeper, laws } = this.play;
    const session = at(model.active, pick);
    if (!session) return undefined;
    model.close(session, 'released');
    session.hasSlot = false;
    keeper.limiter.acquireSessionSlot(session.id, ownedBy(session.terms.owner)).then(
      (slot) => void slot.release(),
      (fault: unknown) => laws.wrong(`the slot of ${session.id} is not shared: ${fault}`),
    );
    return `acquire the slot of ${session.id}, and give it back`;
  }

  private granted(raw: RawModel, slot: RunSlot): void {
    raw.state = 'held';
    raw.since = this.play.now;
    this.slots.set(raw, slot);
    const lost = (): void => raw.session.rawEnded(raw, this.play.now);
    if (slot.signal.aborted) lost();
    else slot.signal.addEventListener('abort', lost);
  }
}

function ownedBy(owner: string | undefined): { readonly owner?: string } {
  return owner === undefined ? {} : { owner };
}
