/**
 * What a run costs above its slot: functions as runs of a session, beside the same functions in a queue that
 * knows nothing of them; and the memory of what is open and at work.
 */
import PQueue from 'p-queue';
import { type RunContext, type Session, type Slotkeeper, startSlotkeeper } from 'slotkeeper';
import { bytesEach, expectCount, FEW_ROUNDS, timeEach } from './harness.ts';
import { printTable, type Row } from './table.ts';

const JOBS = 20_000;
const CALLERS = 50;
const MANY = 10_000;

const limits = {
  maxParallelSessions: Number.POSITIVE_INFINITY,
  maxParallelRuns: Number.POSITIVE_INFINITY,
};

export async function benchRuns(): Promise<void> {
  const { keeper, session } = await open();
  const queue = new PQueue({ concurrency: CALLERS });
  let done = 0;
  const job = async (): Promise<void> => {
    done += 1;
  };
  const looking = async ({ signal }: RunContext): Promise<void> => {
    done += signal.aborted ? 0 : 1;
  };
  const contenders = [
    { name: 'run', work: () => session.run(job).then((run) => run.outcome) },
    { name: 'signal', work: () => session.run(looking).then((run) => run.outcome) },
    { name: 'slot', work: () => keeper.limiter.withRunSlot('bench', job) },
    { name: 'p-queue', work: () => queue.add(job) },
  ];
  const times = await timeEach(
    contenders.map(({ name, work }) => ({ name, count: JOBS, run: () => byMany(work) })),
    FEW_ROUNDS,
  );
  expectCount('jobs done', done, JOBS * contenders.length * (FEW_ROUNDS + 1));
  const peer = times.get('p-queue') ?? Number.NaN;
  const row = (what: string, name: string): Row => {
    const value = times.get(name) ?? Number.NaN;
    return { what, value, unit: 'µs', ratio: value / peer };
  };
  printTable(`An empty function, ${CALLERS} callers, per job; ratios to p-queue`, [
    row('run of a session, to its outcome', 'run'),
    row('the same, the function looks at its signal', 'signal'),
    row('withRunSlot: the slot alone', 'slot'),
    row('p-queue', 'p-queue'),
  ]);
  await keeper.stop();
}

/** So many callers, each one job after the other. */
async function byMany(work: () => Promise<unknown>): Promise<void> {
  let left = JOBS;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

export async function benchSessionMemory(): Promise<void> {
  const { keeper, session } = await open();
  const ids = Array.from({ length: MANY }, (_, index) => `id-${index}`);
  const id = (index: number): string => ids[index] ?? '';
  const opened = await bytesEach(MANY, (index) => keeper.openSession({ sessionId: id(index) }));
  const terms = { idleTimeoutMs: 3_600_000, maxLifetimeMs: 86_400_000 };
  const timed = await bytesEach(MANY, (index) =>
    keeper.openSession({ sessionId: `timed-${id(index)}`, ...terms }),
  );
  expectCount('sessions open', keeper.getStatus().openSessions, 2 * MANY + 1);
  const forever = (): Promise<void> => new Promise(() => {});
  const running = await bytesEach(MANY, (index) => session.run(forever, { runId: id(index) }));
  expectCount('runs at work', keeper.getStatus().activeRuns, MANY);
  const row = (what: string, value: number): Row => ({ what, value, unit: 'B' });
  printTable('Memory, with everything that it keeps', [
    row('session open', opened),
    row('session open, with an idle timeout and a greatest age', timed),
    row('run at work', running),
  ]);
  await keeper.stop({ timeoutMs: 0 });
}

async function open(): Promise<{ keeper: Slotkeeper; session: Session }> {
  // What has ended would be kept, and weighed.
  const keeper = await startSlotkeeper({ limits, retention: { maxCount: 0 } });
  return { keeper, session: await keeper.openSession({ sessionId: 'bench' }) };
}
