import { describe, expect, test } from 'vitest';
import { expectAllowed, expectHost } from '../../src/http/doors.ts';
import { loadedFrom } from '../support/config-files.ts';

const key = { id: 'a', hash: `sha256:${'0'.repeat(64)}`, owner: 'a', scopes: [] };

function answerTo(content: object, headers: { host?: string; origin?: string }): string {
  try {
    expectAllowed(loadedFrom(content).values, headers);
    return 'allowed';
  } catch (error) {
    return (error as { code: string }).code; // a SlotkeeperError
  }
}

describe('without keys', () => {
  test.each(['localhost', 'LOCALHOST:7411', '127.0.0.1:1', '[::1]:7411', '127.0.0.1'])(
    'taking the Host %s',
    (host) => {
      expect(answerTo({}, { host })).toBe('allowed');
    },
  );

  test.each([
    'evil.example',
    'evil.example:7411',
    'localhost.evil.example',
    '',
    '127.0.0.1.evil.example',
    '10.0.0.1',
  ])('refusing the Host %j', (host) => {
    expect(answerTo({}, { host })).toBe('host_not_allowed');
  });

  test('taking those that are allowed, with their port where it is named', () => {
    const content = { allowedHosts: ['Slots.example', 'other.example:8080'] };
    expect(answerTo(content, { host: 'slots.example:1' })).toBe('allowed');
    expect(answerTo(content, { host: 'other.example:8080' })).toBe('allowed');
    expect(answerTo(content, { host: 'other.example:1' })).toBe('host_not_allowed');
  });
});

test('a Host being needed where the version of HTTP has it', () => {
  const required = expect.objectContaining({ code: 'host_required' });
  expect(() => expectHost('1.1', {})).toThrow(required);
  expect(() => expectHost('1.1', { host: '' })).not.toThrow();
  expect(() => expectHost('1.0', {})).not.toThrow();
});

describe('with keys', () => {
  const content = { keys: [key], listen: { host: '0.0.0.0' } };

  test('taking every Host, unless some are named', () => {
    expect(answerTo(content, { host: 'slots.example' })).toBe('allowed');
    const named = { ...content, allowedHosts: ['slots.example'] };
    expect(answerTo(named, { host: 'slots.example:8080' })).toBe('allowed');
    expect(answerTo(named, { host: 'evil.example' })).toBe('host_not_allowed');
  });
});

describe('an Origin', () => {
  const host = 'localhost';

  test('being taken where it is allowed, and nowhere else', () => {
    const content = { allowedOrigins: ['https://slots.example'] };
    expect(answerTo(content, { host })).toBe('allowed');
    expect(answerTo(content, { host, origin: 'https://slots.example' })).toBe('allowed');
    expect(answerTo(content, { host, origin: 'http://slots.example' })).toBe('origin_not_allowed');
    expect(answerTo({}, { host, origin: 'null' })).toBe('origin_not_allowed');
  });
});
