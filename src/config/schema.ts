/**
 * Every key of the configuration: its sort of value, its default, its names, what it is for.
 *
 * The file has this shape (JSON). All keys may be left out. What cannot be is refused, and so is a key that
 * is not here. The guide `docs/configuration.md` is drawn from it.
 */
import { z } from 'zod';
import { type ConfigCommand, type Defaults, defaults } from './defaults.ts';
import { flags } from './flags.ts';
import { key } from './key-schema.ts';
import { limits } from './limits-schema.ts';
import { orNull, required, setting } from './setting.ts';
import { tool } from './tool-schema.ts';
import {
  argv,
  choice,
  count,
  flag,
  hosts,
  listenHost,
  milliseconds,
  origins,
  path,
  port,
  program,
  proxies,
  term,
  toolId,
  wait,
} from './value-kinds.ts';

/** One hour. */
const HOUR_MS = 3_600_000;

const listen = () =>
  z.strictObject({
    host: setting(listenHost(), '127.0.0.1', {
      meaning: 'Where the daemon listens; elsewhere than on loopback it needs `keys`',
    }),
    port: setting(port(), 7411, { meaning: 'On which port; 0: one that is free' }),
  });

const journal = ({ journalPath }: Defaults) =>
  z.strictObject({
    path: setting(orNull(path('file')), journalPath, {
      meaning: `${flags.journal.meaning}; \`null\`: nowhere, they end with the process`,
      flag: 'journal',
    }),
    durability: setting(choice(['process', 'power']), 'process', {
      meaning: 'What an answer survives: the end of the process, or the loss of power',
    }),
  });

const sessions = () =>
  z.strictObject({
    idleTimeoutMs: setting(term(), 1_800_000, {
      meaning: 'After how long without a run a session is closed, in milliseconds',
      env: 'SESSION_IDLE_TIMEOUT_MS',
    }),
    maxLifetimeMs: setting(term(), 86_400_000, {
      meaning: 'After how long a session is closed whatever it does, in milliseconds',
      env: 'SESSION_MAX_LIFETIME_MS',
    }),
  });

const exec = () =>
  z.strictObject({
    enabled: setting(flag(), false, { meaning: 'Whether any program may be run over HTTP' }),
  });

const agent = () =>
  z.strictObject({
    command: required(program(), { meaning: 'The program of agents' }),
    args: setting(argv(), [], { meaning: 'Its arguments' }),
  });

const rate = () =>
  z.strictObject({
    max: setting(count(1), 20, { meaning: 'Runs of tools that one owner may ask for in a window' }),
    windowMs: setting(milliseconds(1), HOUR_MS, { meaning: 'The window, in milliseconds' }),
  });

const retention = () =>
  z.strictObject({
    maxAgeMs: setting(wait(), HOUR_MS, {
      meaning: 'How long ended sessions and runs are found, in milliseconds',
    }),
    maxCount: setting(count(0), 10_000, { meaning: 'How many of them' }),
  });

/** Who may ask, and where. */
const doors = () => ({
  listen: listen().prefault({}),
  allowedHosts: setting(hosts(), [], {
    meaning: 'What a request may have as `Host` besides where the daemon listens',
  }),
  allowedOrigins: setting(origins(), [], {
    meaning: 'What a request may have as `Origin`; browsers send it',
  }),
  trustProxy: setting(proxies(), false, {
    meaning: 'Whom `X-Forwarded-For` is believed: nobody, so many proxies, or these',
  }),
  keys: setting(z.array(key()), [], {
    meaning: 'Who may ask; without any, everyone who reaches the daemon is `local` and may do all',
  }),
});

/** What is kept, where, and for how long. */
const keeping = (standard: Defaults) => ({
  journal: journal(standard).prefault({}),
  retention: retention().prefault({}),
  spoolDir: setting(orNull(path('folder')), null, {
    meaning: 'Where commands have their output',
    standard:
      'beside the journal, its path with `.spool` behind it; for the default journal `./slotkeeper-data/spool`',
  }),
  orphans: setting(choice(['adopt', 'kill']), 'adopt', {
    meaning: 'What is done with commands that were at work when the last process ended',
  }),
});

/** What may be run. */
const works = () => ({
  exec: exec().prefault({}),
  agent: setting(orNull(agent()), null, {
    meaning: 'What `POST /api/agent/start` runs',
    standard: 'none',
  }),
  tools: setting(
    z.record(toolId(), tool()),
    {},
    {
      meaning: 'What `POST /v1/runs` may run, by id',
    },
  ),
});

/** How much, how long, how often. */
const bounds = (standard: Defaults) => ({
  limits: limits(standard).prefault({}),
  fairness: setting(choice(['arrival', 'session', 'owner']), 'arrival', {
    meaning: 'Between what free slots go round',
  }),
  sessions: sessions().prefault({}),
  rate: setting(
    orNull(rate()),
    { max: 20, windowMs: HOUR_MS },
    {
      meaning: 'How often an owner may ask for runs of tools; `null`: as often as he likes',
    },
  ),
  queueTimeoutMs: setting(wait(), 300_000, {
    meaning: 'How long a run waits for its slot unless it says so, in milliseconds; 0: not at all',
    env: 'QUEUE_TIMEOUT_MS',
  }),
  drainTimeoutMs: setting(milliseconds(0), 10_000, {
    meaning: 'How long running work has when the daemon is told to end, in milliseconds',
  }),
});

/** The schema of the whole, with the defaults of a command. */
export function configSchema(command: ConfigCommand) {
  const standard = defaults[command];
  return z.strictObject({ ...doors(), ...keeping(standard), ...bounds(standard), ...works() });
}

/** The effective values. What has no end is `Infinity`. */
export type Config = z.output<ReturnType<typeof configSchema>>;

export const schemas: Readonly<Record<ConfigCommand, ReturnType<typeof configSchema>>> = {
  serve: configSchema('serve'),
  run: configSchema('run'),
};
