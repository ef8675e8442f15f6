import { describe, expect, test } from 'vitest';
import { Idempotency } from '../../src/http/idempotency.ts';
import { type RequestKey, requestKey } from '../../src/http/request-key.ts';
import type { Answer } from '../../src/http/route.ts';

const SCOPE = ['alice', 'POST', '/v1/sessions'];

function keyed(text: string, request: object = {}, scope = SCOPE): RequestKey {
  return requestKey(text, scope, request);
}

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
    const first = await answers.once(keyed('k', { a: 1 }), work);
    const second = await answers.once(keyed('k', { a: 1 }), work);
    expect(first).toEqual({ status: 201, body: 1 });
    expect(second).toEqual({ ...first, headers: { 'idempotency-replayed': 'true' } });
    expect(times.done).toBe(1);
  });

  test('being done once for two who ask at the same time', async () => {
    const { answers, work, times } = counting();
    const both = [answers.once(keyed('k'), work), answers.once(keyed('k'), work)];
    expect((await Promise.all(both)).map(({ body }) => body)).toEqual([1, 1]);
    expect(times.done).toBe(1);
  });

  test('being another one for another owner, route or key', async () => {
    const { answers, work, times } = counting();
    await answers.once(keyed('k'), work);
    await answers.once(keyed('l'), work);
    await answers.once(keyed('k', {}, ['bob', 'POST', '/v1/sessions']), work);
    await answers.once(keyed('k', {}, ['alice', 'POST', '/api/agent/start']), work);
    expect(times.done).toBe(4);
  });

  test('being refused when it says something else', async () => {
    const { answers, work } = counting();
    await answers.once(keyed('k', { a: 1 }), work);
    await expect(answers.once(keyed('k', { a: 2 }), work)).rejects.toMatchObject({
      code: 'idempotency_key_reused',
    });
  });

  test('being done again when it has failed', async () => {
    const { answers, work } = counting();
    const fail = () => Promise.reject(new Error('refused'));
    await expect(answers.once(keyed('k'), fail)).rejects.toThrow('refused');
    expect(await answers.once(keyed('k'), work)).toMatchObject({ body: 1 });
  });

  test('being forgotten after an hour, and when there are too many', async () => {
    const { answers, work, times } = counting();
    await answers.once(keyed('k'), work);
    times.now = 3_600_000;
    expect(await answers.once(keyed('k'), work)).toMatchObject({ body: 2 });
    for (let index = 0; index < 10_000; index += 1) await answers.once(keyed(`${index}`), work);
    expect(await answers.once(keyed('k'), work)).toMatchObject({ body: 10_003 });
  });

  test('being answered once more where its answer was not kept', async () => {
    const { answers } = counting();
    const answer = { status: 200, body: 'long' };
    const work = async () => ({ ...answer, again: async () => ({ ...answer, body: 'as long' }) });
    expect(await answers.once(keyed('k'), work)).toMatchObject({ body: 'long' });
    expect(await answers.once(keyed('k'), work)).toMatchObject({ body: 'as long' });
  });

  test.each(['', 'x'.repeat(257)])('being refused when the key is no key', (key) => {
    expect(() => keyed(key)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
