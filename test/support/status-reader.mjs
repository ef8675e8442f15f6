/**
 * A worker thread that reads the status page of a limiter with the built package, and reports.
 *
 * `workerData`: the status buffer, and a control of two int32 cells. On the message `answer` it writes
 * what it reads into the second cell and wakes who waits on the first, so that a blocked thread can ask.
 * On `hammer` it reads until it has seen enough, sets the first cell, and posts what it found.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openStatusReader } from 'slotkeeper';

const { buffer, control } = workerData;
const cells = new Int32Array(control);
const reader = openStatusReader(buffer);

function faultOf(status) {
  const { activeSessions, activeRuns, sessionlessRuns } = status;
  const { maxParallelSessions, maxParallelRuns } = status;
  const roomOf = (limit, active) => Math.max(0, limit - active);
  if (status.availableSessionSlots !== roomOf(maxParallelSessions, activeSessions))
    return 'sessions';
  if (status.availableRunSlots !== roomOf(maxParallelRuns, activeRuns)) return 'runs';
  if (sessionlessRuns > activeRuns) return 'sessionless runs';
  return undefined;
}

function hammer() {
  const found = { reads: 0, versions: 0, faults: [] };
  let last = reader.read();
  while (found.reads < 20_000 || found.versions < 200) {
    const status = reader.read();
    found.reads += 1;
    const fault = faultOf(status) ?? faultBetween(last, status);
    if (fault !== undefined) found.faults.push({ fault, last, status });
    if (status.version !== last.version) found.versions += 1;
    last = status;
    if (found.faults.length > 10) break;
  }
  Atomics.store(cells, 0, 1);
  return found;
}

function faultBetween(last, status) {
  if (status.version < last.version) return 'the version has fallen';
  if (status.version > last.version) return undefined;
  return JSON.stringify(status) === JSON.stringify(last)
    ? undefined
    : 'same version, other content';
}

parentPort.on('message', (order) => {
  if (order === 'hammer') return parentPort.postMessage(hammer());
  if (order === 'read') return parentPort.postMessage(reader.read());
  Atomics.store(cells, 1, reader.read().activeRuns);
  Atomics.store(cells, 0, 1);
  return Atomics.notify(cells, 0);
});
parentPort.postMessage('ready');
