/**
 * What is answered to `HEAD`: what `GET` would answer, without a body, and nothing where that would be a stream.
 */
import { expect, test } from 'vitest';
import { plainDaemon } from '../support/plain-daemon.ts';

test('a stream having no HEAD, which would open it for nobody', async () => {
  await using daemon = await plainDaemon();
  const { status } = await fetch(`${daemon.url}/v1/events`, { method: 'HEAD' });
  expect(status).toBe(404);
});

test.each(['/v1/status', '/v1/sessions', '/healthz', '/metrics'])(
  '%s being answered without a body',
  async (path) => {
    await using daemon = await plainDaemon();
    const answer = await fetch(`${daemon.url}${path}`, { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  },
);
