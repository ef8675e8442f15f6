/**
 * Names of the environment that have no effect until there are containers: taken, checked and shown, so
 * that who sets them knows.
 */
import { type ConfigFault, shown } from './config-fault.ts';

export interface Reserved {
  readonly name: string;
  readonly standard: string;
  readonly meaning: string;
  readonly expected: string;
  readonly isRight: (text: string) => boolean;
}

/** What a reserved name has now. */
export interface ReservedValue {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

const isPositive = (text: string) => /^\d{1,15}(\.\d+)?$/.test(text) && Number(text) > 0;
const isCount = (text: string) => /^[1-9]\d{0,15}$/.test(text);
const isSize = (text: string) => /^\d{1,15}(\.\d+)?\s?([kmgt]i?)?b?$/i.test(text);

export const RESERVED: readonly Reserved[] = [
  {
    name: 'DOCKER_CPU_LIMIT',
    standard: '1',
    meaning: 'CPUs of a container',
    expected: 'a number of CPUs above 0',
    isRight: isPositive,
  },
  {
    name: 'DOCKER_MEMORY_LIMIT',
    standard: '2g',
    meaning: 'Memory of a container',
    expected: 'a size, such as 512m or 2g',
    isRight: isSize,
  },
  {
    name: 'DOCKER_PIDS_LIMIT',
    standard: '1000',
    meaning: 'Processes in a container',
    expected: 'a positive integer',
    isRight: isCount,
  },
  {
    name: 'HEALTH_CHECK_INTERVAL_MS',
    standard: '30000',
    meaning: 'Between two looks at a container, in milliseconds',
    expected: 'milliseconds, a positive integer',
    isRight: isCount,
  },
];

export function reservedFaults(env: NodeJS.ProcessEnv): ConfigFault[] {
  return RESERVED.flatMap(({ name, expected, isRight }) => {
    const text = env[name] ?? '';
    if (text === '' || isRight(text)) return [];
    return [{ key: name, origin: `env ${name}`, expected, got: shown(text) }];
  });
}

export function reservedValues(env: NodeJS.ProcessEnv): ReservedValue[] {
  return RESERVED.map(({ name, standard }) => {
    const text = env[name] ?? '';
    if (text === '') return { name, value: standard, origin: 'default' };
    return { name, value: text, origin: `env ${name}` };
  });
}

export function reservedNotes(env: NodeJS.ProcessEnv): string[] {
  const set = RESERVED.filter(({ name }) => (env[name] ?? '') !== '');
  return set.map(({ name }) => `${name} is reserved: it has no effect until there are containers`);
}
