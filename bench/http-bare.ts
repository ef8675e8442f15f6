/**
 * The other side of the HTTP benchmark, in a process of its own: Fastify with two routes that answer what they
 * were started with, a JSON text for GET and one for POST, and do nothing else.
 */
import Fastify from 'fastify';

const [, , status = '{}', problem = '{}'] = process.argv;
const server = Fastify();
const answers = { status: JSON.parse(status), problem: JSON.parse(problem) };
server.get('/v1/status', async () => answers.status);
server.post('/v1/sessions/:id/exec', async (_request, reply) => {
  return reply.code(429).type('application/problem+json').send(answers.problem);
});
console.log(JSON.stringify({ url: await server.listen({ port: 0 }) }));
