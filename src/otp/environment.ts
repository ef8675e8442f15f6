/**
 * What a server inherits from the supervisor that starts it, down a whole tree: the clock, the logger,
 * the registry of names, and whether XState's inspection is on.
 */
import { type Clock, systemClock } from './clock.ts';
import { type Logger, silentLogger } from './logger.ts';
import { localRegistry, type Registry } from './registry.ts';

export interface Environment {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Whether an inspector of XState may look at the actors; false only where we know that none does. */
  readonly isInspected: boolean;
}

/** The environment of whoever has no supervisor, where `options` say nothing else. */
export function environment(options: Partial<Environment> = {}): Environment {
  return {
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    registry: options.registry ?? localRegistry,
    isInspected: options.isInspected ?? true,
  };
}
