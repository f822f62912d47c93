// Event streams, waits and webhook signatures, against a scripted server.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import {
  APIConnectionError,
  NotFoundError,
  ORCHEX,
  ResponseError,
  Submission,
  TaskAwaitingDecisionError,
  TaskCancelledError,
  TaskFailedError,
  WaitTimeoutError,
  WebhookVerificationError,
  webhooks,
} from '@lemnos/sdk';

import {
  CONNECTED,
  DONE,
  RESET,
  frame,
  missing,
  orchex,
  quick,
  refusal,
  scripted,
  stream,
} from './scripted.mjs';

const COMPLETED = { task_id: 'task_1', status: 'completed', result: { code: 'x = 1' } };
const SUBMITTED = orchex({ task_id: 'task_1', status: 'queued' }, 202);
const TASK = { type: 'testing', description: 'x' };

function clientOf(server, options = {}) {
  return new ORCHEX({ apiKey: 'key', baseUrl: server.baseUrl, ...options });
}

async function all(events) {
  const found = [];
  for await (const event of events) {
    found.push(event);
  }
  return found;
}

test('a stream that is cut goes on where it was', async (t) => {
  quick(t);
  const server = await scripted(
    t,
    (_, headers) => stream(CONNECTED, ...missing(headers, 2), 'id: 3\nda', RESET),
    RESET,
    refusal(503, 'SERVICE_UNAVAILABLE'),
    (_, headers) => stream(CONNECTED, ...missing(headers, 3), ': keepalive\n\n'),
    (_, headers) => stream(CONNECTED, ...missing(headers, 4).join(''), DONE), // letter by letter
  );
  const events = await all(clientOf(server).tasks.events('task_1'));
  assert.deepEqual(
    events.map(({ type, id }) => [type, id]),
    [['connected', ''], ...['1', '2', '3', '4'].map((id) => ['stream', id]), ['done', '']],
  );
  assert.deepEqual(events[2].data, { n: 2 });
  const resumed = server.requests.map(({ headers }) => headers['last-event-id']);
  assert.equal(resumed.length, 5);
  assert.deepEqual([resumed[0], resumed[4]], [undefined, '3']);
});

test('a stream outlives a server that is away, but not for ever', async (t) => {
  const pauses = quick(t);
  const away = Array(6).fill(RESET);
  const server = await scripted(
    t,
    stream(frame(1), RESET),
    ...away,
    (_, headers) => stream(...missing(headers, 2), DONE),
  );
  const events = await all(clientOf(server).tasks.events('task_1'));
  assert.deepEqual(events.map(({ id }) => id), ['1', '2', '']);
  server.answers.splice(0, 1, RESET);
  server.requests.length = 0;
  pauses.length = 0;
  await assert.rejects(all(clientOf(server).tasks.events('task_1')), APIConnectionError);
  assert.equal(server.requests.length, 9);
  assert.ok(pauses.reduce((sum, pause) => sum + pause) > 25_000);
});

test('an event that is no JSON', async (t) => {
  const server = await scripted(t, stream(CONNECTED, 'data: <html>\n\n'));
  await assert.rejects(all(clientOf(server).tasks.events('task_1')), ResponseError);
});

test('a stream can begin in the middle, and be left', async (t) => {
  const server = await scripted(t, stream(CONNECTED, frame(8), frame(9), DONE));
  const events = clientOf(server).tasks.events('task_1', { after: '7' });
  for await (const event of events) {
    if (event.id === '8') {
      break;
    }
  }
  assert.equal(events.lastId, '8');
  assert.equal(server.requests[0].headers['last-event-id'], '7');
});

test('a stream of no task, and one whose server is gone', async (t) => {
  const server = await scripted(t, refusal(404, 'NOT_FOUND'), stream(frame(1), RESET), RESET);
  await assert.rejects(all(clientOf(server).tasks.events('task_1')), NotFoundError);
  const once = clientOf(server, { maxRetries: 0 });
  await assert.rejects(all(once.tasks.events('task_1')), APIConnectionError);
});

test('an awaited submission is the result; its handle is there at once', async (t) => {
  const server = await scripted(t, SUBMITTED, stream(CONNECTED, frame(1), DONE), orchex(COMPLETED));
  const submission = clientOf(server).tasks.submit(TASK);
  assert.ok(submission instanceof Submission);
  assert.equal((await submission.task).taskId, 'task_1');
  assert.deepEqual(server.paths, ['/v1/tasks']);
  const result = await submission;
  assert.deepEqual([result.code, result.taskId, result.task.status], ['x = 1', 'task_1', 'completed']);
  assert.deepEqual(server.paths.slice(1), ['/v1/tasks/task_1/events', '/v1/tasks/task_1']);
  assert.equal((await submission).code, 'x = 1');
  assert.equal(server.requests.length, 3);
});

test('a submission that is refused is rejected', async (t) => {
  const server = await scripted(t, refusal(404, 'NOT_FOUND'));
  let isOver = false;
  const submission = clientOf(server).tasks.submit(TASK).finally(() => (isOver = true));
  await assert.rejects(submission, NotFoundError);
  assert.ok(isOver);
  const told = await clientOf(server).tasks.submit(TASK).catch((error) => error.status);
  assert.equal(told, 404);
});

test('without a stream it looks', async (t) => {
  quick(t);
  const running = orchex({ task_id: 'task_1', status: 'running' });
  const server = await scripted(t, refusal(404, 'NOT_FOUND'), running, running, orchex(COMPLETED));
  const task = clientOf(server).tasks.of('task_1');
  assert.equal((await task.wait()).code, 'x = 1');
  assert.equal(task.status, 'completed');
});

test('a wait ends in time, and the task goes on', async (t) => {
  const server = await scripted(t, stream(CONNECTED), orchex({ status: 'running' }));
  const task = clientOf(server).tasks.of('task_1');
  await assert.rejects(task.wait({ timeout: 50 }), WaitTimeoutError);
  const reason = new Error('enough');
  await assert.rejects(task.wait({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
});

test('a failure brings its attempts', async (t) => {
  const failed = { task_id: 'task_1', status: 'failed', error: { code: 'agent', message: 'it broke' } };
  const attempts = [{ agent_id: 'a', number: 1 }];
  const server = await scripted(t, stream(DONE), orchex(failed), orchex({ attempts }));
  await assert.rejects(clientOf(server).tasks.of('task_1').wait(), (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.match(error.message, /it broke/);
    assert.deepEqual(error.attempts, attempts);
    assert.equal(error.task.status, 'failed');
    return true;
  });
});

for (const [status, Kind] of [
  ['cancelled', TaskCancelledError],
  ['awaiting_decision', TaskAwaitingDecisionError],
]) {
  test(`a task that is ${status} is a ${Kind.name}`, async (t) => {
    const server = await scripted(t, stream(DONE), orchex({ task_id: 'task_1', status }));
    await assert.rejects(clientOf(server).tasks.of('task_1').wait(), Kind);
  });
}

const BODY = JSON.stringify({ event: 'task.completed', data: { task_id: 'task_1' } });
const KEY = 'whsec_bWVyZWx5LWEtdGVzdC1rZXktb2YtdGhpcnR5LXR3bw==';
const MOMENT = 1_700_000_000;

/** Headers as the specification has them, made with another implementation of HMAC. */
function signed(secret = KEY, body = BODY) {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const mac = createHmac('sha256', key).update(`msg_1.${MOMENT}.${body}`).digest('base64');
  return {
    'Webhook-Id': 'msg_1',
    'Webhook-Timestamp': String(MOMENT),
    'Webhook-Signature': `v1,AAAA v1,${mac}`,
  };
}

test('webhooks that are signed', async () => {
  const now = MOMENT + 10;
  const content = await webhooks.verify(BODY, signed(), KEY, { now });
  assert.equal(content.event, 'task.completed');
  const bytes = new TextEncoder().encode(BODY);
  assert.ok(await webhooks.verify(bytes, new Headers(signed('plain')), 'plain', { now }));
  const mac = createHmac('sha256', 'secret').update(BODY).digest('hex');
  assert.ok(await webhooks.verify(BODY, { 'X-Signature-256': `sha256=${mac}` }, 'secret'));
  assert.ok(await webhooks.isSigned(BODY, `sha256=${mac}`, 'secret'));
});

test('webhooks that are not', async () => {
  const now = MOMENT;
  const forged = [
    [BODY + ' ', signed(), KEY, { now }],
    [BODY, signed(), 'another secret', { now }],
    [BODY, signed(), KEY, { now: MOMENT + 301 }],
    [BODY, { ...signed(), 'Webhook-Timestamp': 'soon' }, KEY, { now }],
    [BODY, { ...signed(), 'Webhook-Id': 'msg_2' }, KEY, { now }],
    [BODY, { ...signed(), 'Webhook-Signature': 'v1,!' }, KEY, { now }],
    [BODY, { 'X-Signature-256': 'sha256=00' }, KEY, { now }],
    [BODY, {}, KEY, { now }],
  ];
  for (const given of forged) {
    await assert.rejects(webhooks.verify(...given), WebhookVerificationError);
  }
});
