/** Programs under the limiter: their output as it comes, their exit, their end. */
import { onEvent, startSlotkeeper } from 'slotkeeper';

const keeper = await startSlotkeeper({ limits: { maxParallelRuns: 1 } });
const session = await keeper.openSession({ sessionId: 'builds' });

const build = await session.run({
  cmd: ['sh', '-c', 'echo building; sleep 0.2; echo oops >&2; exit 3'],
});
for await (const { number, stream, text } of build.output({ follow: true })) {
  console.log(number, stream, text.trimEnd());
}
const outcome = await build.outcome;
console.log(outcome.state, outcome.value?.exitCode);

// Its children are stopped with it, and its slot is free when they are gone.
const started = new Promise((resolve) => onEvent('run_started', resolve));
const server = await session.run({ cmd: ['sh', '-c', 'sleep 1000 & sleep 1000'] });
const next = await session.run({ cmd: ['echo', '$HOME'] }, { waitTimeoutMs: 60_000 });
await started;
console.log(server.state, next.state);
console.log((await server.cancel('enough')).state);

console.log((await next.outcome).state);
for await (const { text } of next.output()) console.log(text.trimEnd());
await keeper.stop();

/* Prints:
0 stdout building
1 stderr oops
failed 3
running queued
cancelled
succeeded
$HOME
*/
