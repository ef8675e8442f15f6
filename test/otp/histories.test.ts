/**
 * Random histories of supervision trees. *Settled* histories let each step come to rest and are compared
 * with a model of the OTP manual, callback by callback. *Storms* do not wait, and must keep the laws that
 * hold at any moment: nothing outlives its supervisor, every call ends, nothing is left at the end.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Act,
  dynamic,
  ending,
  gusts,
  hesitant,
  PING_TIMEOUT_MS,
  playOnModel,
  RealTree,
  resolve,
  STEP_MS,
  type Step,
  shaky,
  sound,
  steps,
} from '../support/histories.ts';
import { type Node, SupervisionModel, type SupervisorPlan } from '../support/supervision-model.ts';

/** A tree and its model, played in step. */
class Play {
  readonly model: SupervisionModel;
  readonly tree: RealTree;
  /** What was done so far, for whoever reads a counterexample. */
  readonly story: string[] = [];
  private acts = 0;

  constructor(plan: SupervisorPlan) {
    this.model = new SupervisionModel(plan);
    this.tree = new RealTree(plan);
  }

  async start(): Promise<void> {
    const expected = this.model.startRoot() ? 'ok' : 'start_failed';
    await this.settle('start', expected, this.tree.start());
  }

  async play(step: Step): Promise<void> {
    const { model, tree } = this;
    const act = resolve(step, idsOf(model.workers()), idsOf(model.supervisors()));
    if (!act) return;
    this.acts += 1;
    const expected = playOnModel(model, act, this.acts);
    await this.settle(describeAct(act), expected, tree.perform(act, this.acts));
  }

  async end(how: 'stop' | 'kill'): Promise<void> {
    const { model, tree } = this;
    if (how === 'stop') model.stopRoot();
    else if (model.root.isRunning) model.kill(model.root);
    await this.settle(how, 'ok', tree.end(how));
  }

  /** Lets a step come to rest, then compares all that can be seen. */
  private async settle(what: string, expected: string, outcome: Promise<string>): Promise<void> {
    this.story.push(what);
    let actual = 'unsettled';
    outcome.then((code) => {
      actual = code;
    });
    await this.tree.clock.advance(STEP_MS);
    this.model.advance(STEP_MS);
    expect(await this.seen(actual), this.story.join('; ')).toEqual(this.foreseen(expected));
  }

  private foreseen(outcome: string): object {
    const { model } = this;
    return {
      outcome,
      events: model.events,
      names: idsOf(model.running()).sort(),
      living: idsOf(model.running()).sort(),
      children: model.supervisors().map(({ children }) => children.map(describeChild)),
      settlements: new Map(model.settlements),
      faults: [],
    };
  }

  private async seen(outcome: string): Promise<object> {
    const { model, tree } = this;
    const supervisors = idsOf(model.supervisors()).filter((id) => tree.registry.whereis(id));
    return {
      outcome,
      events: tree.events,
      names: tree.registry.names().sort(),
      living: [...tree.living].sort(),
      children: await Promise.all(supervisors.map((id) => tree.children(id))),
      settlements: tree.settlements,
      faults: tree.faults,
    };
  }
}

const idsOf = (nodes: Node[]): string[] => nodes.map(({ id }) => id);
const describeChild = ({ id, isRunning }: Node): string =>
  `${id} ${isRunning ? 'running' : 'stopped'}`;
const describeAct = (act: Act): string => `${act.do} ${act.id}`;

/** All that may be left of a tree, after its calls' deadlines have passed. */
async function leftovers(tree: RealTree): Promise<object> {
  const { pendingTimers } = tree.clock;
  await tree.clock.advance(2 * PING_TIMEOUT_MS);
  return {
    pendingTimers,
    allTimers: tree.clock.allTimers,
    names: tree.registry.names(),
    living: [...tree.living],
    unsettledCalls: tree.unsettledCalls,
    faults: tree.faults,
  };
}

const NOTHING = {
  pendingTimers: 0,
  allTimers: 0,
  names: [],
  living: [],
  unsettledCalls: 0,
  faults: [],
};

async function playSettled(plan: SupervisorPlan, history: Step[], how: 'stop' | 'kill') {
  const play = new Play(plan);
  try {
    await play.start();
    for (const step of history) await play.play(step);
    await play.end(how);
    expect(await leftovers(play.tree), play.story.join('; ')).toEqual(NOTHING);
  } finally {
    play.tree.close();
  }
}

/** What is printed has a test of its own, below. */
beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});

/** Steps follow each other without rest; what they were answered must be known in the end. */
async function playStorm(plan: SupervisorPlan, history: [Step, number][], how: 'stop' | 'kill') {
  const tree = new RealTree(plan);
  const story: string[] = [];
  const answers: string[] = [];
  try {
    gather(answers, tree.start());
    await tree.clock.advance(STEP_MS);
    for (const [step, ms] of history) {
      const { workers, supervisors } = tree.names();
      const act = resolve(step, workers, supervisors);
      if (!act) continue;
      story.push(`${describeAct(act)}, ${ms} ms`);
      gather(answers, tree.perform(act, story.length));
      if (ms > 0) await tree.clock.advance(ms);
    }
    const rested = story.length % 2 === 0;
    if (rested) expect(await contradictions(tree), story.join('; ')).toEqual([]);
    gather(answers, tree.end(how));
    await tree.clock.advance(STEP_MS);
    expect(await leftovers(tree), story.join('; ')).toEqual(NOTHING);
    expect(STORM_ANSWERS, story.join('; ')).toEqual(expect.arrayContaining(answers));
    expect(CALL_ENDS).toEqual(expect.arrayContaining([...tree.settlements.values()]));
  } finally {
    tree.close();
  }
}

/** Notes how `work` ends; `unsettled` until then. */
function gather(answers: string[], work: Promise<string>): void {
  const index = answers.push('unsettled') - 1;
  work.then((answer) => {
    answers[index] = answer;
  });
}

const CALL_ENDS = ['pong', 'noproc', 'server_down', 'call_timeout', 'unexpected_request'];
const STORM_ANSWERS = [
  'ok',
  'noproc',
  'server_down',
  'start_failed',
  'not_found',
  'already_started',
  'already_present',
  'running',
  'restarting',
  'max_children',
  'call_timeout',
  'stopped_otherwise',
  'unexpected_request',
];

/** Once all is at rest: what a supervisor says of its children, and what is so. */
async function contradictions(tree: RealTree): Promise<string[]> {
  await tree.clock.advance(STEP_MS);
  const found: string[] = [];
  for (const id of tree.names().supervisors) {
    let children = [`${id} is silent`];
    tree.children(id).then((listed) => {
      children = listed;
    });
    await tree.clock.advance(1);
    found.push(...children.filter((child) => !isSo(tree, child)));
  }
  return found;
}

function isSo(tree: RealTree, child: string): boolean {
  const [name = '', status] = child.split(' ');
  return status === (tree.living.has(name) ? 'running' : 'stopped');
}

describe('a settled history', () => {
  test('going as the OTP manual says', async () => {
    const property = fc.asyncProperty(sound, steps, ending, playSettled);
    await fc.assert(property, { seed: 20_261_121, numRuns: 700 });
  });

  test('going as the OTP manual says when starts fail', async () => {
    const property = fc.asyncProperty(shaky, steps, ending, playSettled);
    await fc.assert(property, { seed: 20_261_122, numRuns: 500 });
  });
});

describe('a storm', () => {
  test('leaving nothing behind, and no call without an end', async () => {
    const property = fc.asyncProperty(sound, gusts, ending, playStorm);
    await fc.assert(property, { seed: 20_261_123, numRuns: 700 });
  });

  test('leaving nothing behind of dynamic supervisors', async () => {
    const property = fc.asyncProperty(dynamic, gusts, ending, playStorm);
    await fc.assert(property, { seed: 20_261_124, numRuns: 700 });
  });

  test('leaving nothing behind when restarts wait', async () => {
    const property = fc.asyncProperty(hesitant, gusts, ending, playStorm);
    await fc.assert(property, { seed: 20_261_125, numRuns: 700 });
  });
});

describe('the end of a tree', () => {
  test.each(['stop', 'kill'] as const)('printing nothing: %s', async (how) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    warn.mockClear();
    const tree = new RealTree(SMALL);
    await tree.start();
    await tree.end(how);
    tree.close();
    expect(warn.mock.calls).toEqual([]);
  });
});

const SMALL: SupervisorPlan = {
  kind: 'supervisor',
  restart: 'permanent',
  shutdown: 'infinity',
  strategy: 'one_for_one',
  restarts: 1,
  withinMs: 5_000,
  isDynamic: false,
  backoffMs: 0,
  children: [
    {
      kind: 'worker',
      restart: 'permanent',
      shutdown: 'infinity',
      initMs: 0,
      terminateMs: 0,
      failingStarts: [],
      ignoredStarts: [],
    },
  ],
};
