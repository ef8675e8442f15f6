/**
 * The sections of the benchmark, in the order in which they are printed: `part/section`.
 */
import { benchBacklog, benchCrowd, benchHandover } from './beside-peers.ts';
import { benchCommands } from './commands.ts';
import { benchGroups } from './groups.ts';
import { benchHttp } from './http.ts';
import { benchDurableLatency, benchDurablePairs, benchRestart } from './journal.ts';
import { benchPairs } from './limiter.ts';
import { benchMillion } from './million.ts';
import { benchCalls, benchChildren, benchServerMemory } from './otp.ts';
import { benchPorts } from './ports.ts';
import { benchRun } from './run-programs.ts';
import { benchCascade, benchSlotMemory } from './scale.ts';
import { benchRuns, benchSessionMemory } from './sessions.ts';
import { benchStatus } from './status.ts';

export const SECTIONS: ReadonlyMap<string, () => Promise<void>> = new Map([
  ['otp/calls', benchCalls],
  ['otp/children', benchChildren],
  ['otp/memory', benchServerMemory],
  ['limiter/pairs', benchPairs],
  ['limiter/crowd', benchCrowd],
  ['limiter/backlog', benchBacklog],
  ['limiter/handover', benchHandover],
  ['limiter/million', benchMillion],
  ['limiter/memory', benchSlotMemory],
  ['limiter/cascade', benchCascade],
  ['limiter/status', benchStatus],
  ['reach/arrival', () => benchGroups('arrival')],
  ['reach/session', () => benchGroups('session')],
  ['reach/owner', () => benchGroups('owner')],
  ['reach/ports', benchPorts],
  ['journal/pairs', benchDurablePairs],
  ['journal/latency', benchDurableLatency],
  ['journal/restart', benchRestart],
  ['sessions/runs', benchRuns],
  ['sessions/memory', benchSessionMemory],
  ['commands/spawn', benchCommands],
  ['run/programs', benchRun],
  ['http/throughput', benchHttp],
]);
