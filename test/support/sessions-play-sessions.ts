/**
 * What is done to sessions in a history: they are opened, also while somebody waits for them, closed and
 * felled.
 */
import { exit, type Session, whichChildren } from '../../src/index.ts';
import type { RunModel, SessionModel, SessionTerms } from './sessions-model.ts';
import type { SessionsPlay, Told } from './sessions-play.ts';
import { at, type OpenStep, OWNERS, SESSION_IDS } from './sessions-steps.ts';

/** Who was given a session, which one, and when. */
interface Given {
  readonly session: SessionModel;
  readonly handle: Session;
  readonly now: number;
}

export class SessionSteps {
  private readonly play: SessionsPlay;
  /** Since the last look. */
  private given: Given[] = [];

  constructor(play: SessionsPlay) {
    this.play = play;
  }

  open(step: OpenStep): string {
    const { model, callers, now } = this.play;
    const waiting = model.sessions.filter((session) => session.isOpening).map(({ id: its }) => its);
    const id = (step.isJoin && at(waiting, step.pick)) || at(SESSION_IDS, step.pick);
    const owner = step.isStray ? 'carol' : ownerOf(id);
    const { waitMs, idleMs, lifetimeMs } = step;
    const holder = callers.livingAt(step.holder);
    const terms = { owner, waitMs, idleMs, lifetimeMs, holder };
    const known = model.sessionOf(id);
    const isJoin = known?.isOpening === true && known.terms.owner === owner;
    const isNew = !known || isJoin;
    const signal = isNew ? callers.signalFor(step.signal) : undefined;
    const opening = this.ask(id, terms, signal);
    if (isNew) this.openNew(model.openSession(id, terms, now, isJoin), opening);
    else this.openAgain(known, owner, opening);
    const how = isJoin ? ', joining' : ' again';
    const ends = `waits ${waitMs}, idle ${idleMs}, lifetime ${lifetimeMs}`;
    return `open ${id} of ${owner}${known ? how : ''}, ${ends}, holder ${holder}, signal ${step.signal}`;
  }

  /** Who shares a session has that of who opened it; or, where he had gone, of the first who joined him. */
  settle(): void {
    const asked = this.play.model.sessions;
    const order = ({ session }: Given) =>
      (session.isJoin ? asked.length : 0) + asked.indexOf(session);
    for (const one of this.given.splice(0).sort((a, b) => order(a) - order(b))) this.has(one);
  }

  close(pick: number, timeoutMs: number): Told {
    const { model, laws, sessions, sessionsThere, timedNow } = this.play;
    const session = at(sessionsThere, pick);
    const handle = session && sessions.get(session);
    if (!session || !handle) return undefined;
    model.close(session, 'released');
    handle.close({ timeoutMs }).then((report) => {
      laws.reported(session, report, this.play.timedNow - timedNow, timeoutMs);
    });
    return `close ${session.id}, within ${timeoutMs}`;
  }

  plan(pick: number): Told {
    const { laws, sessions, sessionsThere } = this.play;
    const session = at(sessionsThere, pick);
    const handle = session && sessions.get(session);
    if (!session || !handle) return undefined;
    const foreseen = laws.planOf(session);
    handle.close({ dryRun: true }).then((plan) => laws.planned(session, foreseen, plan));
    return `plan the closing of ${session.id}`;
  }

  release(pick: number): string {
    const { model, keeper } = this.play;
    const id = at(SESSION_IDS, pick);
    model.close(model.sessionOf(id), 'released');
    void keeper.limiter.releaseSessionSlot(id);
    return `release session ${id}`;
  }

  /** No message of a session can make it crash, so this is one that cannot be read. */
  async fell(pick: number): Promise<Told> {
    const { model, laws, supervisor } = this.play;
    const children = await whichChildren(supervisor);
    const child = at(children, pick);
    const session = child && laws.sessionOf(child.ref.actor);
    if (!child || !session) return undefined;
    model.close(session, 'crashed');
    child.ref.actor?.send({
      get type(): string {
        throw new Error('felled');
      },
    });
    return `session ${session.id} is felled`;
  }

  fellSupervisor(): string {
    const { model, supervisor } = this.play;
    for (const session of model.sessions) {
      if (!session.isOpening && !session.isActive) continue;
      // Who only waits has nothing there that could crash, but may be given what the others had.
      model.close(session, 'crashed', !session.isOpening);
      model.close(session, 'shutdown', false);
    }
    exit(supervisor, 'kill');
    return 'the supervisor of sessions is felled';
  }

  /** A function closes its own session. */
  closeOwn({ session }: RunModel): void {
    const { model, sessions, story } = this.play;
    model.close(session, 'released');
    void sessions.get(session)?.close();
    story.push(`  within: close ${session.id}`);
  }

  private ask(id: string, terms: SessionTerms, signal?: AbortSignal): Promise<Session> {
    const { owner, holder, waitMs, idleMs, lifetimeMs } = terms;
    const { keeper, callers } = this.play;
    return keeper.openSession({
      sessionId: id,
      waitTimeoutMs: waitMs,
      idleTimeoutMs: idleMs,
      maxLifetimeMs: lifetimeMs,
      ...(owner !== undefined && { owner }),
      ...(holder !== undefined && { holder: callers.holderAt(holder) }),
      ...(signal && { signal }),
    });
  }

  private openNew(session: SessionModel, opening: Promise<Session>): void {
    opening.then(
      (handle) => this.given.push({ session, handle, now: this.play.now }),
      (fault: unknown) => {
        session.isRefused = true;
        this.play.refused.push({ what: session, fault });
      },
    );
  }

  private openAgain(
    known: SessionModel,
    owner: string | undefined,
    opening: Promise<Session>,
  ): void {
    const { laws } = this.play;
    const wasActive = known.isActive;
    opening.then(
      (handle) => laws.openedAgain(known, owner, handle),
      (fault: unknown) => laws.refusedAgain(known, { owner, wasActive, fault }),
    );
  }

  private has({ session, handle, now }: Given): void {
    const { laws, sessions } = this.play;
    const known = [...sessions].find(([, its]) => its === handle)?.[0];
    if (known) {
      session.shared = known;
      laws.joined(session, known);
    } else {
      sessions.set(session, handle);
      session.opened(now);
      laws.opened(session, handle);
    }
  }
}

function ownerOf(id: string): string | undefined {
  return OWNERS[SESSION_IDS.indexOf(id) % OWNERS.length];
}
