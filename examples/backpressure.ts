/** A bounded mailbox: who sends too much is told, who gave up is never served. */
import {
  call,
  fromGenServer,
  ready,
  reply,
  type SlotkeeperError,
  startServer,
  stopServer,
  sys,
} from 'slotkeeper';

interface Printer {
  state: string[];
  calls: { print(request: { readonly page: string }): number };
}

const printer = fromGenServer<Printer>({
  mailboxLimit: 2, // two pages may wait
  init: () => ready([]),
  handleCall: { print: ({ page }, pages) => reply(pages.push(page), pages) },
});

const ref = await startServer(printer, { name: 'printer' });
const outcome = (fault: SlotkeeperError): string => fault.code;

await sys.suspend(ref); // the paper is out
const giveUp = new AbortController();
const first = call(ref, { type: 'print', page: 'first' });
const second = call(ref, { type: 'print', page: 'second' }, { signal: giveUp.signal });
console.log(await call(ref, { type: 'print', page: 'third' }).catch(outcome));

giveUp.abort(new Error('changed my mind'));
console.log(await second.catch((error: Error) => error.message));
const fourth = call(ref, { type: 'print', page: 'fourth' });

await sys.resume(ref);
console.log(await first, await fourth, await sys.getState(ref));
await stopServer(ref);

/* Prints:
mailbox_full
changed my mind
1 2 [ 'first', 'fourth' ]
*/
