import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { type AbortTarget, offAbort, onAbort } from '../../src/otp/abort-listeners.ts';
import { settle } from '../../src/testing.ts';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

function recorder(): { reasons: unknown[]; target: AbortTarget } {
  const reasons: unknown[] = [];
  return { reasons, target: { aborted: (reason) => reasons.push(reason) } };
}

/** Warnings that Node prints while `work` runs. */
async function warningsOf(work: () => void): Promise<string[]> {
  const warnings: string[] = [];
  const listen = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', listen);
  work();
  await settle();
  process.off('warning', listen);
  return warnings;
}

describe('onAbort', () => {
  test('telling everyone who waits, in order, with the reason', () => {
    const controller = new AbortController();
    const told: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      onAbort(controller.signal, { aborted: (reason) => told.push(`${name} ${reason}`) });
    }
    controller.abort('over');
    expect(told).toEqual(['a over', 'b over', 'c over']);
  });

  test('sharing one listener among 10,000 who wait, without a warning', async () => {
    const { signal } = new AbortController();
    const targets = Array.from({ length: 10_000 }, () => recorder().target);
    const warnings = await warningsOf(() => {
      for (const target of targets) onAbort(signal, target);
    });
    expect(listeners(signal)).toBe(1);
    for (const target of targets) offAbort(signal, target);
    expect(listeners(signal)).toBe(0);
    expect(warnings).toEqual([]);
  });

  test('leaving no listener after the abort', () => {
    const controller = new AbortController();
    const { reasons, target } = recorder();
    onAbort(controller.signal, target);
    controller.abort('over');
    expect(listeners(controller.signal)).toBe(0);
    offAbort(controller.signal, target);
    expect(reasons).toEqual(['over']);
  });

  test('keeping signals apart', () => {
    const one = new AbortController();
    const other = new AbortController();
    const { reasons, target } = recorder();
    onAbort(other.signal, target);
    one.abort('one');
    expect(reasons).toEqual([]);
  });

  test('telling nobody twice who asked twice', () => {
    const controller = new AbortController();
    const { reasons, target } = recorder();
    onAbort(controller.signal, target);
    onAbort(controller.signal, target);
    controller.abort('over');
    expect(reasons).toEqual(['over']);
  });
});

describe('offAbort', () => {
  test('not telling who has left', () => {
    const controller = new AbortController();
    const gone = recorder();
    const stays = recorder();
    onAbort(controller.signal, gone.target);
    onAbort(controller.signal, stays.target);
    offAbort(controller.signal, gone.target);
    controller.abort('over');
    expect([gone.reasons, stays.reasons]).toEqual([[], ['over']]);
  });

  test('keeping the listener until the last has left', () => {
    const { signal } = new AbortController();
    const [one, other] = [recorder().target, recorder().target];
    onAbort(signal, one);
    onAbort(signal, other);
    offAbort(signal, one);
    expect(listeners(signal)).toBe(1);
    offAbort(signal, other);
    expect(listeners(signal)).toBe(0);
  });

  test('doing nothing for who never waited', () => {
    const { signal } = new AbortController();
    const { target } = recorder();
    onAbort(signal, target);
    offAbort(signal, recorder().target);
    expect(listeners(signal)).toBe(1);
  });

  test('sparing who is withdrawn by another while the abort is told', () => {
    const controller = new AbortController();
    const spared = recorder();
    onAbort(controller.signal, { aborted: () => offAbort(controller.signal, spared.target) });
    onAbort(controller.signal, spared.target);
    controller.abort('over');
    expect(spared.reasons).toEqual([]);
  });
});
