/**
 * Calls that their maker keeps: abandoned by one incarnation, passed on to the next.
 */
import { describe, expect, test } from 'vitest';
import { call, deferReply, exit, fromGenServer, noReply, ready, replyTo } from '../../src/index.ts';
import { passOn, sendCall, sendCallNow, visit } from '../../src/otp/client.ts';
import type { From, ServerRef } from '../../src/otp/index.ts';
import { sys, whichChildren } from '../../src/otp/index.ts';
import { CallEnvelope } from '../../src/otp/message.ts';
import { settle } from '../../src/testing.ts';
import { startTree } from '../../supervisors/start-tree.ts';
import { surroundings } from '../support/servers.ts';

/** A call that goes on to the next incarnation. */
class KeptCall extends CallEnvelope {
  readonly lost: KeptCall[];

  constructor(name: string, lost: KeptCall[], lane: 'urgent' | 'ordinary' = 'ordinary') {
    super('call', { type: 'ask', name } as { type: string }, lane);
    this.lost = lost;
  }

  override abandon(): void {
    this.lost.push(this);
  }
}

interface Keeper {
  input: { readonly lost: KeptCall[]; readonly asked: string[] };
  state: { readonly asked: string[]; readonly open: From<string>[] };
  calls: { ask(request: { readonly name: string }): string; count(): number };
  casts: { answerAll(): void };
}

const keeper = fromGenServer<Keeper>({
  init: ({ lost, asked }, { self }) => {
    for (const kept of lost.splice(0)) passOn(self, kept);
    return ready({ asked, open: [] });
  },
  handleCall: {
    ask: ({ name }, state, from) => {
      state.asked.push(name);
      state.open.push(from);
      return deferReply(from, state);
    },
    count: (_request, state, from) => deferReply(from, state),
  },
  handleCast: {
    answerAll: (_request, state) => {
      for (const from of state.open) replyTo(from, 'yes');
      return noReply(state);
    },
  },
});

async function arrange() {
  const lost: KeptCall[] = [];
  const asked: string[] = [];
  const input = { lost, asked };
  const tree = await startTree([{ id: 'keeper', logic: keeper, input }], surroundings());
  const [child] = await whichChildren(tree.supervisor);
  const ref = child?.ref as ServerRef<Keeper>; // the tree has this one child
  return { lost, asked, ref, [Symbol.asyncDispose]: () => tree.stop() };
}

describe('a kept call', () => {
  test('reaching the next incarnation from wherever the last one had it', async () => {
    await using stage = await arrange();
    const { ref, lost, asked } = stage;
    const owed = ['a', 'b', 'c'].map((name) => new KeptCall(name, lost));
    for (const kept of owed) sendCall(ref, kept);
    await sys.suspend(ref);
    sendCall(ref, new KeptCall('d', lost));
    sendCall(ref, new KeptCall('e', lost, 'urgent'));
    exit(ref, new Error('a crash'));
    await settle();
    expect(asked).toEqual(['a', 'b', 'c', 'e', 'a', 'b', 'c', 'd']);
    expect((await sys.getState(ref)).open).toHaveLength(5);
  });

  test('leaving a mailbox behind that serves on', async () => {
    await using stage = await arrange();
    const { ref, lost, asked } = stage;
    const lanes = ['ordinary', 'urgent', 'ordinary', 'urgent'] as const;
    for (const [index, lane] of lanes.entries())
      sendCall(ref, new KeptCall(`${index}`, lost, lane));
    exit(ref, new Error('a crash'));
    await settle();
    const answer = call(ref, { type: 'ask', name: 'later' });
    await settle();
    expect(asked.at(-1)).toBe('later');
    expect(asked).toHaveLength(9);
    const { open } = await sys.getState(ref);
    for (const from of open) replyTo(from, 'yes');
    expect(await answer).toBe('yes');
  });

  test('being answered once, by the incarnation that has it', async () => {
    await using stage = await arrange();
    const { ref, lost } = stage;
    const kept = new KeptCall('a', lost);
    sendCall(ref, kept);
    exit(ref, new Error('a crash'));
    await settle();
    expect(kept.isSettled).toBe(false);
    const { open } = await sys.getState(ref);
    for (const from of open) expect(replyTo(from, 'yes')).toBe(true);
    expect(kept.answered).toBe('yes');
  });
});

describe('sendCallNow', () => {
  test('serving what waits before it, on this stack', async () => {
    await using stage = await arrange();
    const { ref, lost, asked } = stage;
    for (let number = 0; number < 3_000; number += 1) sendCall(ref, new KeptCall('x', lost));
    expect(asked.length).toBeLessThan(3_000);
    expect(sendCallNow(ref, new KeptCall('now', lost))).toBe(true);
    expect(asked).toHaveLength(3_001);
    expect(asked.at(-1)).toBe('now');
    await settle();
    expect(asked).toHaveLength(3_001);
  });

  test('sending nothing to a suspended server', async () => {
    await using stage = await arrange();
    const { ref, lost, asked } = stage;
    await sys.suspend(ref);
    expect(sendCallNow(ref, new KeptCall('now', lost))).toBe(false);
    await sys.resume(ref);
    await settle();
    expect(asked).toEqual([]);
  });
});

describe('visit', () => {
  const ask = (state: Keeper['state'], name: string): number => state.asked.push(name);

  test('being a turn of an idle server, on this stack', async () => {
    await using stage = await arrange();
    const { ref, asked } = stage;
    expect(visit(ref, ask, 'a')).toBe(1);
    expect(asked).toEqual(['a']);
  });

  test('not being possible in a turn, while suspended, or beside what waits', async () => {
    await using stage = await arrange();
    const { ref, asked, lost } = stage;
    const within = visit(ref, () => [visit(ref, ask, 'within')], undefined);
    expect(within).toEqual([undefined]);
    await sys.suspend(ref);
    expect(visit(ref, ask, 'suspended')).toBeUndefined();
    await sys.resume(ref);
    for (let number = 0; number < 3_000; number += 1) sendCall(ref, new KeptCall('x', lost));
    expect(visit(ref, ask, 'beside')).toBeUndefined();
    await settle();
    expect(new Set(asked)).toEqual(new Set(['x']));
  });

  test('leaving it to a message when somebody traces or counts', async () => {
    await using stage = await arrange();
    const { ref } = stage;
    await sys.statistics(ref, true);
    expect(visit(ref, ask, 'counted')).toBeUndefined();
    await sys.statistics(ref, false);
    expect(visit(ref, ask, 'alone')).toBe(1);
  });

  test('crashing as any service does', async () => {
    await using stage = await arrange();
    const { ref, asked } = stage;
    const { actor } = ref;
    const crash = (): never => {
      throw new Error('a crash');
    };
    expect(visit(ref, crash, undefined)).toBeUndefined();
    await settle();
    expect(ref.actor).not.toBe(actor);
    expect(visit(ref, ask, 'again')).toBe(1);
    expect(asked).toEqual(['again']);
  });

  test('serving what was sent meanwhile', async () => {
    await using stage = await arrange();
    const { ref, asked, lost } = stage;
    visit(ref, () => void sendCall(ref, new KeptCall('sent', lost)), undefined);
    expect(asked).toEqual(['sent']);
  });
});
