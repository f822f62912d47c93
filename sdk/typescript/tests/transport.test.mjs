// Settings, retries, errors and pages, against a scripted server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  APIConnectionError,
  APIStatusError,
  APITimeoutError,
  AuthenticationError,
  CodeForge,
  ConflictError,
  NotFoundError,
  ORCHEX,
  PermissionDeniedError,
  RateLimitError,
  ResponseError,
  ServerError,
  UnprocessableError,
  ValidationError,
} from '@lemnos/sdk';

import { RESET, orchex, quick, refusal, scripted } from './scripted.mjs';

const HEALTH = { status: 'healthy', components: { router: 'healthy' } };
const SUBMITTED = { task_id: 'task_1', status: 'queued', queue_position: 2 };
const TASK = { type: 'testing', description: 'x' };

function clientOf(server, options = {}) {
  return new ORCHEX({ apiKey: 'key', baseUrl: server.baseUrl, ...options });
}

test('arguments come before the environment', (t) => {
  const env = process.env;
  t.after(() => (process.env = env));
  process.env = { LEMNOS_URL: 'http://lemnos:1' };
  assert.equal(new ORCHEX().baseUrl, 'http://lemnos:1');
  process.env.ORCHEX_BASE_URL = 'http://orchex:2/v1/';
  assert.equal(new ORCHEX().baseUrl, 'http://orchex:2');
  assert.equal(new CodeForge().baseUrl, 'http://lemnos:1');
  assert.equal(new ORCHEX({ baseUrl: 'https://given:3/v1' }).baseUrl, 'https://given:3');
  process.env = {};
  assert.equal(new ORCHEX().baseUrl, 'http://127.0.0.1:8000');
  assert.throws(() => new ORCHEX({ baseUrl: 'orchex.example' }), /http/);
});

test('the key is sent, and names are one segment of a path', async (t) => {
  const server = await scripted(t, refusal(404, 'NOT_FOUND'));
  const client = clientOf(server);
  await assert.rejects(client.agents.get('a/../b?c'), NotFoundError);
  assert.equal(server.requests[0].headers.authorization, 'Bearer key');
  assert.equal(server.requests[0].url.pathname, '/v1/agents/a%2F..%2Fb%3Fc');
  for (const name of ['', '.', '..']) {
    assert.throws(() => client.agents.get(name), /is not a name/);
  }
});

const KINDS = [
  [400, ValidationError],
  [401, AuthenticationError],
  [403, PermissionDeniedError],
  [404, NotFoundError],
  [409, ConflictError],
  [413, APIStatusError],
  [422, UnprocessableError],
  [501, ServerError],
];
for (const [status, Kind] of KINDS) {
  test(`${status} is a ${Kind.name}`, async (t) => {
    const server = await scripted(t, refusal(status, 'CODE', { reason: 'why' }));
    await assert.rejects(clientOf(server).system.status(), (error) => {
      assert.equal(error.constructor, Kind);
      assert.equal(error.name, Kind.name);
      assert.deepEqual(
        [error.status, error.code, error.reason, error.requestId],
        [status, 'CODE', 'why', 'req_1'],
      );
      assert.equal(error.message, `No. (${status}, CODE, req_1)`);
      return true;
    });
    assert.equal(server.requests.length, 1);
  });
}

test('a validation error names the field, in both shapes', async (t) => {
  const server = await scripted(
    t,
    refusal(400, 'VALIDATION_ERROR', { field: 'type', issue: 'required' }),
    {
      status: 400,
      body: JSON.stringify({
        error: 'validation_error',
        message: 'repo_url is required.',
        code: 'validation',
        request_id: 'req_9',
        fields: { repo_url: 'is required' },
      }),
    },
  );
  await assert.rejects(clientOf(server).tasks.create(TASK), { field: 'type', issue: 'required' });
  const codeforge = new CodeForge({ baseUrl: server.baseUrl });
  const said = { field: 'repo_url', code: 'validation', requestId: 'req_9' };
  await assert.rejects(codeforge.tasks.create({ repo_url: '', prompt: 'x' }), said);
});

test('an answer of something else is told', async (t) => {
  const server = await scripted(t, { body: '<html>' });
  await assert.rejects(clientOf(server).system.status(), ResponseError);
});

for (const answer of [refusal(503, 'X'), refusal(500, 'X'), RESET]) {
  test(`${answer === RESET ? 'a reset' : answer.status} is tried again, with the same key`, async (t) => {
    const pauses = quick(t);
    const server = await scripted(t, answer, answer, orchex(SUBMITTED, 202));
    const task = await clientOf(server).tasks.create(TASK);
    assert.equal(task.taskId, 'task_1');
    assert.equal(task.submitted.queue_position, 2);
    assert.match(server.keys[0], /^[0-9a-f]{32}$/);
    assert.equal(new Set(server.keys).size, 1);
    assert.equal(server.requests.length, 3);
    assert.ok(pauses[0] >= 375 && pauses[0] <= 500, `${pauses}`);
    assert.ok(pauses[1] >= 750 && pauses[1] <= 1000, `${pauses}`);
  });
}

test('it gives up after so many', async (t) => {
  quick(t);
  const server = await scripted(t, refusal(503, 'SERVICE_UNAVAILABLE'));
  await assert.rejects(clientOf(server, { maxRetries: 2 }).system.status(), ServerError);
  assert.equal(server.requests.length, 3);
});

test('Retry-After is honoured, but nobody waits for an hour', async (t) => {
  const pauses = quick(t);
  const limited = (seconds) => refusal(429, 'RATE_LIMIT_EXCEEDED', {}, { 'Retry-After': seconds });
  const server = await scripted(t, limited('7'), orchex(HEALTH));
  await clientOf(server).system.health();
  assert.deepEqual(pauses, [7_000]);
  server.answers.splice(0, 1, limited('3600'));
  await assert.rejects(clientOf(server).system.status(), (error) => {
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.retryAfter, 3600);
    return true;
  });
  assert.equal(server.requests.length, 3);
});

test('a first request that is still at work is waited for', async (t) => {
  quick(t);
  const busy = refusal(409, 'CONFLICT', { reason: 'idempotency_in_flight' });
  const server = await scripted(t, busy, orchex(SUBMITTED, 202));
  assert.equal((await clientOf(server).tasks.create(TASK)).taskId, 'task_1');
});

test('ill health is an answer, and not an error', async (t) => {
  quick(t);
  const server = await scripted(t, refusal(503, 'X'), orchex({ status: 'unhealthy' }, 503));
  assert.equal((await clientOf(server).system.health()).status, 'unhealthy');
  assert.equal(server.requests.length, 2);
});

test('no server, and a server that says nothing', async (t) => {
  const server = await scripted(t, () => new Promise(() => {}));
  const nobody = new ORCHEX({ baseUrl: 'http://127.0.0.1:9', maxRetries: 0 });
  await assert.rejects(nobody.system.status(), APIConnectionError);
  const silent = clientOf(server, { timeout: 50, maxRetries: 0 });
  await assert.rejects(silent.system.status(), APITimeoutError);
});

test("the caller's own signal ends a request with its own reason", async (t) => {
  const server = await scripted(t, () => new Promise(() => {}));
  const ending = new AbortController();
  const asked = clientOf(server).system.status({ signal: ending.signal });
  const reason = new Error('enough');
  ending.abort(reason);
  await assert.rejects(asked, (error) => error === reason);
});

test('a list asks for its pages as it goes', async (t) => {
  const server = await scripted(t, (url) => {
    const offset = Number(url.searchParams.get('offset') ?? 0);
    const agents = [0, 1, 2, 3, 4].slice(offset, offset + 2).map((n) => ({ agent_id: `a${n}` }));
    return orchex({ agents, total: 5, limit: 2, offset });
  });
  const agents = clientOf(server).agents.list({ provider: 'openai', limit: 2 });
  assert.equal(server.requests.length, 0);
  const ids = [];
  for await (const agent of agents) {
    ids.push(agent.agent_id);
  }
  assert.deepEqual(ids, ['a0', 'a1', 'a2', 'a3', 'a4']);
  assert.equal(server.requests.length, 3);
  assert.ok(server.requests.every(({ url }) => url.searchParams.get('provider') === 'openai'));
  const page = await agents.first();
  assert.deepEqual([page.items.length, page.total], [2, 5]);
});
