/**
 * Random histories of sessions and their runs, step by step beside a ledger of what may have ended them:
 * whatever callers do, whoever crashes, each run has one outcome, and each slot is held as long as its work
 * is there, and no longer.
 *
 * `MODEL_SEED` and `MODEL_RUNS` choose other histories; `TORTURE=1` chooses new ones, and many.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CloseReason, countChildren, stopReasons } from '../../src/index.ts';
import { LIFE_STEPS, STEPS } from '../../src/limiter/fault-points.ts';
import { runMachine } from '../../src/sessions/run-machine.ts';
import { sessionMachine } from '../../src/sessions/session-machine.ts';
import { RETENTION_MS, SessionsPlay } from '../support/sessions-play.ts';
import {
  type Ending,
  ending,
  type FewLimits,
  fewLimits,
  type Step,
  steps,
} from '../support/sessions-steps.ts';

const { env } = process;
const IS_TORTURE = env.TORTURE === '1';
const FIXED_SEED = 20_261_121;
const SEED = Number(env.MODEL_SEED ?? (IS_TORTURE ? Date.now() % 2 ** 31 : FIXED_SEED));
/** So many reach all that can be reached. */
const FEWEST_RUNS = 400;
const RUNS = Number(env.MODEL_RUNS ?? (IS_TORTURE ? 50_000 : 2_500));
const TIMEOUT_MS = IS_TORTURE ? 3_600_000 : 180_000;

/** All that there are: the compiler sees to it. */
const CLOSE_REASONS: Readonly<Record<CloseReason, true>> = {
  released: true,
  idle_timeout: true,
  max_lifetime: true,
  crashed: true,
  shutdown: true,
};

/** Reasons that no run can have here. */
const UNREACHABLE: readonly string[] = [
  // It takes a journal that cannot be written.
  'refused',
  // A session that is idle has no runs.
  'idle_timeout',
  // The sessions of a keeper end before its limiter does, and their runs with them.
  'stopped',
  // It takes a command whose host has died.
  'orphaned',
];

/** What some history must reach: every state, every end and every reason, and a crash at every point. */
const REACHABLE = {
  run: Object.keys(runMachine.states),
  session: Object.keys(sessionMachine.states).filter((state) => state !== 'opening'),
  reason: Object.keys(stopReasons).filter((reason) => !UNREACHABLE.includes(reason)),
  end: ['succeeded', 'failed', 'failed run_crashed'],
  close: Object.keys(CLOSE_REASONS),
  crash: [
    ...STEPS.flatMap((step) => [`before ${step}`, `after ${step}`]),
    ...LIFE_STEPS.map((step) => `before ${step}`),
  ],
  report: ['complete', 'pending'],
  order: ['pause', 'resume'],
  fault: ['pause_unsupported', 'run_not_running'],
  join: [
    'shared',
    'with a later one',
    'alone',
    'full',
    'wait_timeout',
    'withdrawn',
    'draining',
    'caller',
  ],
  taking: ['run_id_conflict'],
};

/** How often each was met, and how much was played. */
const met = new Map<string, number>();
const played = { histories: 0, steps: 0, crashes: 0 };

function note({ laws, saboteur, story }: SessionsPlay): void {
  played.histories += 1;
  played.steps += story.length - 1;
  played.crashes += saboteur.crashes;
  const reasons = laws.met.flatMap((what) => {
    const [sort, , reason] = what.split(' ');
    return sort === 'end' && reason !== undefined ? [`reason ${reason}`] : [];
  });
  const crashes = saboteur.places.map((place) => `crash ${place}`);
  for (const what of [...laws.met, ...reasons, ...crashes]) met.set(what, (met.get(what) ?? 0) + 1);
}

function expectNoWrongs({ laws, story }: SessionsPlay): void {
  if (laws.wrongs.length > 0) expect(laws.wrongs, story.join('\n')).toEqual([]);
}

async function playHistory(limits: FewLimits, history: Step[], { how, timeoutMs }: Ending) {
  const play = await SessionsPlay.start(limits);
  try {
    for (const step of history) {
      await play.play(step);
      expectNoWrongs(play);
    }
    if (how === 'rest') await comeToRest(play);
    play.isEnding = true;
    if (how === 'give_up') await giveUp(play);
    else await stop(play, timeoutMs);
    expectNoWrongs(play);
    play.laws.lookAtEvents();
    expectNoWrongs(play);
    note(play);
  } finally {
    await play.close();
  }
}

/** All work ends, all sessions are closed, and nothing is left of them. */
async function comeToRest(play: SessionsPlay): Promise<void> {
  const { model, keeper, clock, saboteur } = play;
  const perform = async (step: Step): Promise<boolean> => {
    const isDone = await play.play(step);
    expectNoWrongs(play);
    return isDone;
  };
  saboteur.disarm();
  await perform({ do: 'end_draining' });
  await perform({ do: 'limits', change: { maxParallelSessions: Infinity } });
  for (;;) {
    for (const run of model.atWork) play.resume(run);
    const isDone = await perform({ do: 'settle_work', pick: 0 });
    if (!isDone && !(await perform({ do: 'raw_release', pick: 0 }))) break;
  }
  for (const session of play.sessions.keys()) {
    if (session.isActive) await perform({ do: 'close', pick: 0, timeoutMs: Infinity });
  }
  const { openSessions, activeSessions, activeRuns, stuckRuns, waitingRuns } = keeper.getStatus();
  const counts = { openSessions, activeSessions, activeRuns, stuckRuns, waitingRuns };
  const none = { openSessions: 0, activeSessions: 0, activeRuns: 0, stuckRuns: 0, waitingRuns: 0 };
  expect(counts, play.story.join('\n')).toEqual(none);
  expect((await countChildren(play.supervisor)).specs).toBe(0);
  await clock.advance(RETENTION_MS);
  expect([...keeper.sessions({ closed: true })]).toEqual([]);
}

/** In the midst of it; then the work that was abandoned ends, and nobody is told anything more. */
async function stop(play: SessionsPlay, timeoutMs: number): Promise<void> {
  const { model, keeper, clock, works } = play;
  for (const session of model.sessions) model.close(session, 'shutdown');
  model.end(model.waiting, 'interrupted shutdown', false);
  const atStart = model.sessions.filter((one) => one.isThere).length;
  const stopping = keeper.stop({ timeoutMs });
  await play.look(false);
  expectNoWrongs(play);
  await clock.advance(timeoutMs);
  const { isComplete, sessions, abandoned } = await stopping;
  const left = model.atWork.map(({ id }) => id);
  expect(abandoned.map(({ runId }) => runId).sort(), play.story.join('\n')).toEqual(left.sort());
  expect(isComplete).toBe(left.length === 0);
  expect(sessions).toBeLessThanOrEqual(atStart);
  expectNothingLeft(play);
  for (const run of works.waitingOnes) works.settle(run, 'succeeded');
  await clock.advance(10_000);
  expectNothingLeft(play);
  expect(clock.allTimers).toBe(0);
}

/** Its limiter crashes more often than its supervisor bears. */
async function giveUp(play: SessionsPlay): Promise<void> {
  const { model, keeper, clock, works, saboteur } = play;
  saboteur.arm('before', 'decide', Infinity);
  for (const session of model.sessions) model.close(session, 'crashed');
  for (const run of model.runs) {
    model.end([run], 'interrupted stopped');
    model.end([run], 'interrupted shutdown');
  }
  await keeper.limiter.releaseRunSlot('nobody').catch(() => {});
  for (const run of model.atWork) run.isEvicted = true;
  for (const session of model.sessions) if (session.isOpening) session.isRefused = true;
  await play.look(false);
  saboteur.disarm();
  expectNothingLeft(play);
  for (const run of works.waitingOnes) works.settle(run, 'failed');
  await clock.advance(10_000);
  expectNothingLeft(play);
  expect(clock.allTimers).toBe(0);
}

function expectNothingLeft({ keeper, clock, model, story }: SessionsPlay): void {
  const { openSessions, stuckRuns, activeSessions, activeRuns } = keeper.getStatus();
  const untold = model.runs.filter((run) => run.isAccepted && run.told.length !== 1);
  const left = { openSessions, stuckRuns, activeSessions, activeRuns, timers: clock.pendingTimers };
  expect({ ...left, untold: untold.map(({ id }) => id) }, story.join('\n')).toEqual({
    openSessions: 0,
    stuckRuns: 0,
    activeSessions: 0,
    activeRuns: 0,
    timers: 0,
    untold: [],
  });
}

describe('sessions and their runs', () => {
  // Where it is developed, XState warns of messages to actors that have crashed.
  beforeAll(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
  afterAll(() => {
    vi.restoreAllMocks();
    console.log(tableOf(met));
  });

  test(
    'doing as the contract says, whatever happens',
    async () => {
      const property = fc.asyncProperty(fewLimits, steps, ending, playHistory);
      await fc.assert(property, { seed: SEED, numRuns: RUNS });
    },
    TIMEOUT_MS,
  );

  test.skipIf(RUNS < FEWEST_RUNS)('coming to all that can become of them', () => {
    const reachable = Object.entries(REACHABLE).flatMap(([sort, all]) =>
      all.map((one) => `${sort} ${one}`),
    );
    expect(reachable.filter((what) => !met.has(what))).toEqual([]);
    expect(UNREACHABLE.filter((reason) => met.has(`reason ${reason}`))).toEqual([]);
    expect(played.steps).toBeGreaterThan(40 * played.histories);
  });
});

function tableOf(counts: ReadonlyMap<string, number>): string {
  const { histories, steps, crashes } = played;
  const head = `seed ${SEED}: ${histories} histories, ${steps} steps, ${crashes} crashes`;
  const rows = [...counts].sort().map(([what, count]) => `${String(count).padStart(8)}  ${what}`);
  return [head, ...rows].join('\n');
}
