/**
 * A tool, as the configuration has it: a program that may be run over HTTP, and how.
 */
import { z } from 'zod';
import { orNull, required, setting } from './setting.ts';
import { argv, flag, jsonSchema, program, term } from './value-kinds.ts';

export const tool = () =>
  z.strictObject({
    command: required(program(), { meaning: 'The program' }),
    args: setting(argv(), [], { meaning: 'Its first arguments; those of a run come after them' }),
    argsSchema: setting(orNull(jsonSchema()), null, {
      meaning: 'What the arguments of a run must be, as a JSON Schema',
      standard: 'none: strings',
    }),
    timeoutMs: setting(term(), Infinity, {
      meaning: 'How long its work may take, in milliseconds',
    }),
    available: setting(flag(), true, { meaning: 'Whether it can be run now' }),
  });
