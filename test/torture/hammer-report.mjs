/**
 * What a hammering process tells: each ask before it is asked, each answer after it has come.
 *
 * Each line is in the pipe when `say` returns, so it is told also if the process dies in the next moment.
 */
import { writeSync } from 'node:fs';
import { RefusalError } from 'slotkeeper';

const PIPE = 3;
/** Faults that an ask may meet here; every refusal may be met but one of the storage. */
const EXPECTED = ['stale_token', 'left'];

export class Report {
  /** Looks at the limiter after each answer. */
  watch = undefined;
  #asks = 0;
  /** Tokens whose loss will be told. */
  #watched = new Set();

  say(word, ...rest) {
    writeSync(PIPE, `${JSON.stringify([word, ...rest])}\n`);
  }

  /** Asks by `call` what `what` says. Gives the answer; `undefined` if it was refused. */
  async ask(what, call) {
    this.#asks += 1;
    const number = this.#asks;
    this.say('ask', number, what);
    try {
      const answer = await call();
      this.watch.look();
      this.say('answer', number, answer);
      return answer;
    } catch (error) {
      this.watch.look();
      this.say('refused', number, error.code);
      if (!isExpected(error)) this.say('broken', `${JSON.stringify(what)}: ${error.stack}`);
      return undefined;
    }
  }

  /** Tells when a slot ends otherwise than by its holder. */
  tellLoss({ token, signal }) {
    if (this.#watched.has(token)) return;
    this.#watched.add(token);
    const lost = () => {
      this.#watched.delete(token);
      this.say('lost', token);
    };
    if (signal.aborted) lost();
    else signal.addEventListener('abort', lost, { once: true });
  }
}

function isExpected(error) {
  if (error instanceof RefusalError) return error.code !== 'storage_unavailable';
  return EXPECTED.includes(error.code);
}
