/**
 * What is seen of a limiter and what its model foresees, as two plain objects that must be equal: answers,
 * status, limits, who holds, what was published.
 *
 * A grant has a number in the model and a token in the limiter. The first call that both answer with a
 * slot ties them together; from then on each stands for the other, and tokens rise as grants do.
 */
import type { LimiterModel } from './limiter-model.ts';
import { foreseenRows, seenRows } from './limiter-rows.ts';
import type { LimiterSubject } from './limiter-subject.ts';
import { type Ask, showLimits } from './limits-model.ts';

export interface View {
  /** Who was answered since the last time, and what. */
  readonly answers: string[];
  readonly status: object;
  readonly limits: string;
  readonly held: string[];
  /** What is listed and explained. */
  readonly rows: string[];
  /** What was published since the last time; sorted. Not looked at while it is suspended. */
  readonly events: string[];
  readonly wrongs: string[];
}

/** The token of a grant that no model has made: no limiter gives it. */
const UNKNOWN_TOKEN = Number.MAX_SAFE_INTEGER;

export class LimiterViews {
  hasGivenUp = false;
  /** Who crashes while it is being stopped is not started again. */
  restartsAtEnd: number | undefined;
  /** Whether it was suspended since events were looked at: then they may have come late. */
  wasSuspended = false;
  /** Asks made while it was suspended. Their ends may be published or not: nobody had decided anything. */
  readonly undecided: Ask[] = [];
  /** It asked at once and met a crash. If it was granted a slot, that was taken back. */
  voided: Ask | undefined;
  /** What a caller is answered who is given no report. */
  readonly guises = new Map<number, string>();
  /** The calls that are answered with what work has come to. */
  readonly works = new Set<number>();
  private readonly model: LimiterModel;
  private readonly subject: LimiterSubject;
  private readonly tokens = new Map<number, number>();
  private readonly grants = new Map<number, number>();
  private readonly lastTokens = { session: 0, run: 0 };
  private readonly compared = new Set<number>();
  private readonly shown = { grants: 0, ends: 0, refusals: 0, notices: 0 };
  private published: string[] = [];

  constructor(model: LimiterModel, subject: LimiterSubject) {
    this.model = model;
    this.subject = subject;
  }

  tokenOf(grant: number): number {
    return this.tokens.get(grant) ?? UNKNOWN_TOKEN;
  }

  grantOf(token: number): number | undefined {
    return this.grants.get(token);
  }

  /** Ties what was granted since the last time. */
  tieTokens(): void {
    for (const { grant, table } of this.model.grants.slice(this.shown.grants)) {
      const token = this.tokenAnswered(grant);
      if (token === undefined || this.tokens.has(grant)) continue;
      if (token <= this.lastTokens[table]) this.subject.wrongs.push(`token ${token} is not higher`);
      this.lastTokens[table] = token;
      this.tokens.set(grant, token);
      this.grants.set(token, grant);
    }
  }

  /** Both, of what has happened since the last time. */
  look(): { readonly seen: View; readonly foreseen: View } {
    const { model, subject } = this;
    this.published.push(...subject.events());
    const both = { seen: this.seen(), foreseen: this.foreseen() };
    const answered = [...model.answers.keys(), ...subject.answers.keys()];
    for (const call of answered) if (!this.isEarly(call)) this.compared.add(call);
    if (!model.isSuspended) this.thaw();
    return both;
  }

  private thaw(): void {
    const { grants, ends, refusals, notices } = this.model;
    Object.assign(this.shown, {
      grants: grants.length,
      ends: ends.length,
      refusals: refusals.length,
      notices: notices.length,
    });
    this.published = [];
    this.undecided.length = 0;
    this.wasSuspended = false;
    this.voided = undefined;
  }

  private tokenAnswered(grant: number): number | undefined {
    for (const [call, line] of this.news(this.model.answers)) {
      if (line === `slot ${grant}` && this.subject.tokens.has(call))
        return this.subject.tokens.get(call);
    }
    return undefined;
  }

  private news(answers: Map<number, string>): [number, string][] {
    const isNew = (call: number) => !this.compared.has(call) && !this.isEarly(call);
    return [...answers].filter(([call]) => isNew(call)).sort(([a], [b]) => a - b);
  }

  /** What work has come to may be told before the release of its slot is served, or after. */
  private isEarly(call: number): boolean {
    return this.works.has(call) && !this.model.answers.has(call);
  }

  // ── Seen ────────────────────────────────────────────────────────────────────────────────────────

  private seen(): View {
    const { subject, model } = this;
    const { state, ...status } = subject.status();
    return {
      answers: this.news(subject.answers).map(([call, line]) => `${call} ${this.blur(call, line)}`),
      status: this.hasGivenUp ? { state } : { state, ...status },
      limits: showLimits(subject.limiter.getLimits()),
      held: [...subject.held].map(([what, token]) => `${what} token ${token}`).sort(),
      rows: seenRows(subject),
      events: model.isSuspended ? [] : this.withoutOptional(this.published),
      wrongs: [...subject.wrongs, ...this.wrongSignals()],
    };
  }

  /** What is full for somebody who waits to be served at all, nobody has decided. */
  private blur(call: number, line: string): string {
    const isBare = this.model.answers.get(call) === 'wait_timeout';
    return isBare ? line.replace(/ .*/, '') : this.undated(line);
  }

  /** Takes out what may have been published, or not, where it is more than is foreseen. */
  private withoutOptional(lines: string[]): string[] {
    const left = this.withoutVoided(lines.map((line) => this.undated(line))).sort();
    const foreseen = this.foreseenEvents();
    const decided = this.model.refusals.map(({ ask }) => ask.call);
    for (const ask of this.undecided.filter((one) => !decided.includes(one.call))) {
      const code = OPTIONAL_CODES.get(this.model.answers.get(ask.call) ?? '');
      const isIt = (line: string) => line.startsWith(`${showRefused(ask)} ${code}`);
      const isSurplus = left.filter(isIt).length > foreseen.filter(isIt).length;
      if (isSurplus) left.splice(left.findIndex(isIt), 1);
    }
    return left;
  }

  /** Takes out what was decided for who was not told of it: a refusal, or a grant and its end. */
  private withoutVoided(lines: string[]): string[] {
    const { voided, grants } = this;
    if (!voided) return lines;
    const isTold = (line: string) => {
      const token = / token (\d+)/.exec(line)?.[1];
      return token ? grants.has(Number(token)) : !line.startsWith(showRefused(voided));
    };
    return lines.filter((line) => isTold(line) || line.includes('cascade'));
  }

  /** When a refusal or the end of a drain was told late, it may tell of then, or of now. */
  private undated(line: string): string {
    if (!this.wasSuspended) return line;
    return line.replace(/( refused \S+).*/, '$1').replace(/^(drain(ed| ended) false).*/, '$1');
  }

  /** Signals that do not stand as the ends of their slots want it. */
  private wrongSignals(): string[] {
    const ends = new Map(this.model.ends.map((end) => [end.slot.grant, end]));
    return this.subject.handles.flatMap((handle) => {
      const end = ends.get(this.grantOf(handle.slot.token) ?? 0);
      if (handle.isReadLate && !end) return [];
      const expected = !end || end.isOwn ? 'open' : end.reason;
      const signal = this.subject.showSignal(handle);
      return signal === expected
        ? []
        : [`signal of ${handle.ask.call}: ${signal}, not ${expected}`];
    });
  }

  // ── Foreseen ────────────────────────────────────────────────────────────────────────────────────

  private foreseen(): View {
    const { model } = this;
    const { state, ...status } = this.foreseenStatus();
    const held = model.held.map(
      ({ table, id, grant }) => `${table} ${id} token ${this.tokenOf(grant)}`,
    );
    return {
      answers: this.news(model.answers).map(
        ([call, line]) => `${call} ${this.disguise(call, line)}`,
      ),
      status: this.hasGivenUp ? { state } : { state, ...status },
      limits: showLimits(model.limits),
      held: held.sort(),
      rows: foreseenRows(model, (grant) => this.tokenOf(grant)),
      events: model.isSuspended ? [] : this.foreseenEvents().sort(),
      wrongs: [],
    };
  }

  private disguise(call: number, line: string): string {
    const tokens = (_: string, grant: string) => `token ${this.tokenOf(Number(grant))}`;
    if (line.includes('slot ')) return this.undated(line.replaceAll(/slot (\d+)/g, tokens));
    const [, counts, least, most] = /^(report .*) (\d+)\.\.(\d+)$/.exec(line) ?? [];
    if (!counts) return this.undated(line);
    const waiters = Number(this.subject.answers.get(call)?.replace(`${counts} `, ''));
    const isInRange = waiters >= Number(least) && waiters <= Number(most);
    return this.guises.get(call) ?? `${counts} ${isInRange ? waiters : least}`;
  }

  private foreseenStatus(): Readonly<Record<string, string | number>> & { state: string } {
    const { held, waits, limits, end, isDraining } = this.model;
    const { maxParallelSessions, maxParallelRuns } = limits;
    const runs = held.filter(({ table }) => table === 'run');
    const sessions = held.filter(({ table }) => table === 'session').map(({ id }) => id);
    const waitingSessions = waits.filter(({ terms }) => terms.table === 'session').length;
    return {
      state: end ? 'stopped' : isDraining ? 'draining' : 'accepting',
      storage: 'ok',
      activeSessions: sessions.length,
      activeRuns: runs.length,
      sessionlessRuns: runs.filter(({ session }) => !sessions.includes(session)).length,
      waitingSessions,
      waitingRuns: waits.length - waitingSessions,
      maxParallelSessions,
      maxParallelRuns,
      availableSessionSlots: Math.max(0, maxParallelSessions - sessions.length),
      availableRunSlots: Math.max(0, maxParallelRuns - runs.length),
      restarts: this.restartsAtEnd ?? this.subject.saboteur.thrown,
    };
  }

  private foreseenEvents(): string[] {
    const { model, shown } = this;
    const granted = model.grants.slice(shown.grants).map((slot) => {
      const label = slot.call % 2 === 1 ? slot.call : undefined;
      const waitedMs = slot.grantedAt - (slot.servedAt ?? 0);
      return `${showSlot(slot)} granted token ${this.tokenOf(slot.grant)} label ${label} after ${waitedMs}`;
    });
    const ended = model.ends.slice(shown.ends).map(({ slot, reason, note, at }) => {
      const heldMs = at - slot.grantedAt;
      return `${showSlot(slot)} ended token ${this.tokenOf(slot.grant)} ${reason} after ${heldMs} ${note}`;
    });
    const refused = model.refusals.slice(shown.refusals).map(({ ask, code, terms, at }) => {
      const line = model.answers.get(ask.call) ?? '';
      const why = line.startsWith(code) ? line : code;
      const waitedMs = at - (terms.servedAt ?? at);
      return this.undated(`${showRefused(ask)} ${why} after ${waitedMs}`);
    });
    const notices = model.notices.slice(shown.notices).map((line) => this.undated(line));
    return [...granted, ...ended, ...refused, ...notices];
  }
}

/** What the end of an ask may be published as that was never decided. */
const OPTIONAL_CODES = new Map([
  ['wait_timeout', 'wait_timeout'],
  ['aborted', 'withdrawn'],
]);

const showSlot = ({ table, id, session, owner, kind }: Ask): string =>
  `${table} ${id} of ${session}, ${owner}, ${kind}`;

/** Ids that `withRunSlot` makes are known to nobody before it is granted a slot. */
const showRefused = ({ table, id, session, owner }: Ask): string =>
  `${table} ${id.startsWith('w') ? 'made' : id} of ${session}, ${owner} refused`;
