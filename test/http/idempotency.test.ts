import { describe, expect, test } from 'vitest';
import { Idempotency } from '../../src/http/idempotency.ts';
import type { Answer } from '../../src/http/route.ts';

const SCOPE = ['alice', 'POST', '/v1/sessions'];

/** Work that counts how often it is done, and a clock that is ours. */
function counting() {
  const times = { done: 0, now: 0 };
  const answers = new Idempotency(() => times.now);
  const work = async (): Promise<Answer> => {
    times.done += 1;
    return { status: 201, body: times.done };
  };
  return { answers, work, times };
}

describe('a request under a key', () => {
  test('being done once, and answered the same again', async () => {
    const { answers, work, times } = counting();
    const first = await answers.once('k', SCOPE, { a: 1 }, work);
    const second = await answers.once('k', SCOPE, { a: 1 }, work);
    expect(first).toEqual({ status: 201, body: 1 });
    expect(second).toEqual({ ...first, headers: { 'idempotency-replayed': 'true' } });
    expect(times.done).toBe(1);
  });

  test('being done once for two who ask at the same time', async () => {
    const { answers, work, times } = counting();
    const both = [answers.once('k', SCOPE, {}, work), answers.once('k', SCOPE, {}, work)];
    expect((await Promise.all(both)).map(({ body }) => body)).toEqual([1, 1]);
    expect(times.done).toBe(1);
  });

  test('being another one for another owner, route or key', async () => {
    const { answers, work, times } = counting();
    await answers.once('k', SCOPE, {}, work);
    await answers.once('l', SCOPE, {}, work);
    await answers.once('k', ['bob', 'POST', '/v1/sessions'], {}, work);
    await answers.once('k', ['alice', 'POST', '/api/agent/start'], {}, work);
    expect(times.done).toBe(4);
  });

  test('being refused when it says something else', async () => {
    const { answers, work } = counting();
    await answers.once('k', SCOPE, { a: 1 }, work);
    await expect(answers.once('k', SCOPE, { a: 2 }, work)).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    });
  });

  test('being done again when it has failed', async () => {
    const { answers, work } = counting();
    const fail = () => Promise.reject(new Error('refused'));
    await expect(answers.once('k', SCOPE, {}, fail)).rejects.toThrow('refused');
    expect(await answers.once('k', SCOPE, {}, work)).toMatchObject({ body: 1 });
  });

  test('being forgotten after an hour, and when there are too many', async () => {
    const { answers, work, times } = counting();
    await answers.once('k', SCOPE, {}, work);
    times.now = 3_600_000;
    expect(await answers.once('k', SCOPE, {}, work)).toMatchObject({ body: 2 });
    for (let index = 0; index < 10_000; index += 1) await answers.once(`${index}`, SCOPE, {}, work);
    expect(await answers.once('k', SCOPE, {}, work)).toMatchObject({ body: 10_003 });
  });

  test.each(['', 'x'.repeat(257)])('being refused when the key is no key', async (key) => {
    const { answers, work } = counting();
    await expect(answers.once(key, SCOPE, {}, work)).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
