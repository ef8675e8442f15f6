/**
 * The description of the API (OpenAPI 3.1), made from the routes and their schemas.
 */
import { z } from 'zod';
import type { PossibleAnswer, Route } from './route.ts';

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const OTHERWISE = {
  description: 'A problem: `code` says which',
  content: { 'application/problem+json': { schema: PROBLEM } },
};

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Slotkeeper', version, license: { name: 'MIT', identifier: 'MIT' } },
    paths,
    components: {
      schemas: { Problem: jsonSchema(problem) },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable; what is to be branched on'),
    requestId: z.string(),
  })
  .describe('RFC 9457');

function operationOf({ summary, schemas, answers, isOpen, scope, method, url }: Route): object {
  const { params, query, body } = schemas;
  const parameters = [...parametersOf('path', params), ...parametersOf('query', query)];
  return {
    operationId: operationId(method, url),
    summary,
    ...(scope !== undefined && { description: `Needs the scope \`${scope}\`.` }),
    security: isOpen ? [] : [{}, { key: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: jsonSchema(body) } },
      },
    }),
    responses: { ...responsesOf(answers), default: OTHERWISE },
  };
}

/** `GET /v1/sessions/:id` as `get_v1_sessions_id`. */
function operationId(method: string, url: string): string {
  return `${method.toLowerCase()}${url.replace(/\W+/g, '_')}`;
}

function parametersOf(where: 'path' | 'query', schema: z.ZodType | undefined): object[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema);
  return Object.entries(properties).map(([name, schema]) => {
    return { name, in: where, required: required.includes(name), schema };
  });
}

function responsesOf(answers: Route['answers']): object {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)]),
  );
}

function responseOf({ meaning, schema }: PossibleAnswer): object {
  if (!schema) return { description: meaning };
  return { description: meaning, content: { 'application/json': { schema: jsonSchema(schema) } } };
}

/** Of what comes in: a default is no must, a transformed value is what it was before. */
function jsonSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
