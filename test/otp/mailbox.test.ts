import { describe, expect, test } from 'vitest';
import { Mailbox } from '../../src/otp/mailbox.ts';
import { CallEnvelope, Envelope, type Lane } from '../../src/otp/message.ts';

const letter = (content: string, lane: Lane = 'ordinary'): Envelope =>
  new Envelope('cast', content, lane);

function mailboxOf(...letters: Envelope[]): Mailbox {
  const mailbox = new Mailbox(10);
  for (const one of letters) mailbox.push(one);
  return mailbox;
}

describe('Mailbox', () => {
  test('serving each lane first in, first out', () => {
    const mailbox = mailboxOf(letter('a'), letter('b'), letter('c'));
    expect([...mailbox.drain()].map(({ content }) => content)).toEqual(['a', 'b', 'c']);
  });

  test('serving control before urgent before ordinary', () => {
    const mailbox = mailboxOf(
      letter('o1'),
      letter('u1', 'urgent'),
      letter('c1', 'control'),
      letter('o2'),
      letter('u2', 'urgent'),
      letter('c2', 'control'),
    );
    const served = [...mailbox.drain()].map(({ content }) => content);
    expect(served).toEqual(['c1', 'c2', 'u1', 'u2', 'o1', 'o2']);
  });

  test('serving only control while suspended', () => {
    const mailbox = mailboxOf(letter('o'), letter('u', 'urgent'), letter('c', 'control'));
    expect(mailbox.holdsWork(true)).toBe(true);
    expect(mailbox.take(true)?.content).toBe('c');
    expect(mailbox.take(true)).toBeUndefined();
    expect(mailbox.holdsWork(true)).toBe(false);
    expect(mailbox.holdsWork(false)).toBe(true);
  });

  test('having room for the ordinary up to its limit, for the others always', () => {
    const mailbox = new Mailbox(1);
    mailbox.push(letter('u', 'urgent'));
    expect(mailbox.hasRoomFor(letter('a'))).toBe(true);
    mailbox.push(letter('a'));
    expect(mailbox.hasRoomFor(letter('b'))).toBe(false);
    expect(mailbox.hasRoomFor(letter('u', 'urgent'))).toBe(true);
    expect(mailbox.hasRoomFor(letter('c', 'control'))).toBe(true);
  });

  test('having room again once a message was taken', () => {
    const mailbox = new Mailbox(1);
    mailbox.push(letter('a'));
    mailbox.take(false);
    expect(mailbox.hasRoomFor(letter('b'))).toBe(true);
  });

  test('being without bound when its limit is Infinity', () => {
    const mailbox = new Mailbox(Infinity);
    for (let count = 0; count < 200_000; count += 1) mailbox.push(letter('a'));
    expect(mailbox.hasRoomFor(letter('b'))).toBe(true);
    expect(mailbox.size).toBe(200_000);
  });

  test('losing a call that was settled while it waited', () => {
    const calls = ['a', 'b', 'c'].map((type) => new CallEnvelope('call', { type }, 'ordinary'));
    const mailbox = mailboxOf(...calls);
    calls[1]?.rejectWith(new Error('timed out'));
    expect(mailbox.size).toBe(2);
    expect([...mailbox.drain()]).toEqual([calls[0], calls[2]]);
  });

  test('counting all lanes', () => {
    const mailbox = mailboxOf(letter('o'), letter('u', 'urgent'), letter('c', 'control'));
    expect(mailbox.size).toBe(3);
    expect([...mailbox.drain()]).toHaveLength(3);
    expect(mailbox.size).toBe(0);
  });
});
