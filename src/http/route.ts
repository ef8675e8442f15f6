/**
 * A route: what it takes, as schemas, what it answers, and who may ask.
 *
 * The schemas check what comes and describe it in `/openapi.json`; a route has nothing else to do with HTTP.
 */
import type { z } from 'zod';
import type { Caller, Scope } from './caller.ts';
import type { Client } from './client.ts';
import { invalidRequest, type RequestPart } from './request-faults.ts';
import type { RequestKey } from './request-key.ts';

export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  readonly client: Client;
  /** Of a POST that has one. */
  readonly key: RequestKey | undefined;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON; a stream as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How the same is answered once more, where the answer is too long to be kept for that. */
  readonly again?: () => Promise<Answer>;
}

/** One that can be given, by status. */
export interface PossibleAnswer {
  readonly meaning: string;
  readonly schema?: z.ZodType;
}

interface RouteFacts {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With `:name` for parameters. */
  readonly url: string;
  readonly summary: string;
  /** Every key may ask where none is named. */
  readonly scope?: Scope;
  /** No key is needed. */
  readonly isOpen?: boolean;
  /** Asked all the time, by who only looks: a good answer is not logged. */
  readonly isWatched?: boolean;
  /** Its answer goes on until the client leaves, so there is no HEAD for it: that client would not read it. */
  readonly isStream?: boolean;
  readonly answers: Readonly<Record<number, PossibleAnswer>>;
  /** Titles of problems by code, where they have others here. */
  readonly titles?: Readonly<Record<string, string>>;
}

export interface RouteSchemas<Params, Query, Body> {
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
}

/** What has come, unchecked. */
export type RawAsked = Asked<unknown, unknown, unknown>;

export interface Route extends RouteFacts {
  readonly schemas: RouteSchemas<unknown, unknown, unknown>;
  /** Throws `invalid_request`, and throws or rejects with what the route refuses. */
  answer(asked: RawAsked): Answer | Promise<Answer>;
}

export function route<Params, Query, Body>({
  schemas,
  handle,
  ...facts
}: RouteFacts & {
  readonly schemas: RouteSchemas<Params, Query, Body>;
  readonly handle: (asked: Asked<Params, Query, Body>) => Answer | Promise<Answer>;
}): Route {
  const answer = (asked: RawAsked) =>
    handle({
      ...asked,
      params: checked('params', schemas.params, asked.params),
      query: checked('query', schemas.query, asked.query),
      body: checked('body', schemas.body, asked.body),
    });
  return { ...facts, schemas, answer };
}

/** A route without a schema for a part does not look at it, and has no type for it. */
function checked<Value>(
  part: RequestPart,
  schema: z.ZodType<Value> | undefined,
  value: unknown,
): Value {
  if (!schema) return undefined as Value; // which is unknown then
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalidRequest(part, result.error.issues);
}
