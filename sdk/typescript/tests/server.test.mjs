// Against a running Lemnos: `LEMNOS_URL`, `LEMNOS_API_KEY` and the TEST_… variables name it.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import {
  AuthenticationError,
  CodeForge,
  ConflictError,
  NotFoundError,
  ORCHEX,
  TaskCancelledError,
  TaskFailedError,
  ValidationError,
} from '@lemnos/sdk';

const { TEST_RELAY_URL, TEST_REPOSITORY, TEST_REPO_URL, TEST_SINK_URL, TEST_TOKEN } = process.env;
const context = { repository_path: TEST_REPOSITORY };
const orchex = new ORCHEX();
const codeforge = new CodeForge();

function prompt(text) {
  const config = { cli: 'builtin', timeout_seconds: 120 };
  return { repo_url: TEST_REPO_URL, access_token: TEST_TOKEN, prompt: text, config };
}

async function all(items) {
  const found = [];
  for await (const item of items) {
    found.push(item);
  }
  return found;
}

before(async () => {
  for (const agent_id of ['smith', 'tinker']) {
    await orchex.agents.register({
      agent_id,
      name: agent_id,
      provider: 'builtin',
      capabilities: ['refactoring', 'debugging'],
      config: { retry_policy: { max_retries: 0 } },
    });
  }
});

test('the registry', async () => {
  const taken = orchex.agents.register({ agent_id: 'smith', name: 'x', provider: 'builtin' });
  await assert.rejects(taken, (error) => {
    assert.ok(error instanceof ConflictError);
    assert.equal(error.reason, 'agent_exists');
    return true;
  });
  const names = (await all(orchex.agents.list({ limit: 1 }))).map(({ agent_id }) => agent_id);
  assert.deepEqual(names.sort(), ['smith', 'tinker']);
  await orchex.agents.update('tinker', { constraints: { max_concurrent_tasks: 3 } });
  assert.equal((await orchex.agents.get('tinker')).constraints.max_concurrent_tasks, 3);
  await orchex.agents.register({ agent_id: 'third', name: 'x', provider: 'builtin' });
  assert.equal(await orchex.agents.delete('third'), undefined);
  await assert.rejects(orchex.agents.get('third'), NotFoundError);
});

test('a task from submission to feedback', async () => {
  const result = await orchex.tasks.submit({
    type: 'refactoring',
    description: 'Remove the unused imports.',
    context,
    agent_id: 'smith',
  });
  assert.match(result.diff, /-import sys/);
  assert.deepEqual([result.task.agent_id, result.task.tier], ['smith', 0]);
  const task = orchex.tasks.of(result.taskId);
  const { attempts } = await task.routing();
  assert.deepEqual(attempts.map(({ agent_id }) => agent_id), ['smith']);
  assert.equal((await task.feedback({ verdict: 'approved' })).verdict, 'approved');
  const events = await all(task.events());
  assert.deepEqual([events[0].type, events.at(-1).type], ['connected', 'done']);
  const again = await task.retry({ agent_id: 'tinker' });
  assert.notEqual(again.taskId, task.taskId);
  assert.equal((await again.wait()).task.agent_id, 'tinker');
  assert.ok((await all(orchex.tasks.list({ limit: 1 }))).length >= 2);
});

test('failure and cancel', async () => {
  const failing = orchex.tasks.submit({ type: 'debugging', description: 'run: exit 3', context });
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.ok(error.attempts.length > 0);
    return true;
  });
  const slow = await orchex.tasks.create({ type: 'debugging', description: 'run: sleep 60', context });
  for await (const { event } of slow.events()) {
    if (event === 'cli_started') {
      break;
    }
  }
  await slow.cancel();
  await assert.rejects(slow.wait(), TaskCancelledError);
});

test('routing, metrics, health, errors', async () => {
  const constraints = { excluded_agents: ['tinker'] };
  assert.equal((await orchex.route({ type: 'refactoring', constraints })).agent_id, 'smith');
  assert.equal((await orchex.metrics.get({ period: '1h' })).period, '1h');
  assert.ok((await orchex.metrics.agent('smith', { detailed: true })).breakdown);
  assert.ok((await orchex.system.health()).agents.total >= 2);
  assert.ok((await orchex.system.status()).queue.queued_tasks >= 0);
  await assert.rejects(orchex.tasks.create({ type: 'poetry', description: 'x' }), (error) => {
    assert.ok(error instanceof ValidationError);
    assert.equal(error.field, 'type');
    assert.match(error.requestId, /^req_/);
    return true;
  });
  const stranger = new ORCHEX({ apiKey: 'lk_nobody' });
  await assert.rejects(all(stranger.tasks.list()), AuthenticationError);
});

test('from an analysis to a refactoring', async () => {
  const { analysis_id: id } = await orchex.analyze({ repository_path: TEST_REPOSITORY });
  const analysis = await orchex.analyses.wait(id);
  assert.equal((await all(orchex.analyses.files(id, { limit: 2 }))).length, analysis.summary.total_files);
  const { opportunity_id } = analysis.opportunities[0];
  const begun = await orchex.refactor({ opportunity_id, dry_run: true });
  const refactoring = await orchex.refactorings.wait(begun.refactoring_id);
  assert.ok(refactoring.dry_run);
});

test('webhooks', async () => {
  const url = `${TEST_SINK_URL}/hook`;
  const hook = await orchex.webhooks.create({ url, events: ['task.completed'] });
  assert.ok(hook.secret);
  const { delivery_id: sent } = await orchex.webhooks.test(hook.webhook_id);
  const ids = (await orchex.webhooks.deliveries(hook.webhook_id)).map((one) => one.delivery_id);
  assert.deepEqual(ids, [sent]);
  assert.notEqual((await orchex.webhooks.rotate(hook.webhook_id)).secret, hook.secret);
  await orchex.webhooks.update(hook.webhook_id, { active: false });
  assert.equal((await orchex.webhooks.get(hook.webhook_id)).active, false);
  assert.equal((await orchex.webhooks.list()).length, 1);
});

test("CodeForge's tasks over a network that is cut", async () => {
  const far = new CodeForge({ baseUrl: TEST_RELAY_URL });
  const talks = 'run: for i in $(seq 200); do echo line $i; done; echo done > done.txt';
  const task = await far.tasks.create(prompt(talks));
  const events = await all(task.stream());
  const numbers = events.filter(({ id }) => id !== '').map(({ id }) => Number(id));
  assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
  assert.equal(events.at(-1).type, 'done');
  const near = codeforge.tasks.of(task.id);
  assert.equal((await near.wait()).status, 'completed');
  assert.deepEqual((await near.diff()).files.map((file) => file.path), ['done.txt']);
  assert.equal((await near.instruct({ prompt: 'run: echo more > more.txt' })).iteration, 2);
  assert.equal((await near.wait()).iteration, 2);
  assert.equal((await near.get({ iterations: true })).iterations.length, 2);
  assert.ok((await all(codeforge.tasks.list({ limit: 2 }))).some(({ id }) => id === task.id));
  const { workspaces } = await codeforge.workspaces.list();
  assert.ok(workspaces.some(({ task_id }) => task_id === task.id));
});

test("CodeForge's keys and MCP servers", async () => {
  await codeforge.keys.register({ name: 'mine', provider: 'github', token: 'ghp_secret' });
  assert.deepEqual((await codeforge.keys.list()).map(({ name }) => name), ['mine']);
  await codeforge.keys.delete('mine');
  await codeforge.mcpServers.register({ name: 'notes', command: 'notes', env: { K: 'v' } });
  const [server] = await codeforge.mcpServers.list();
  assert.notEqual(server.env.K, 'v');
  await codeforge.mcpServers.delete('notes');
  assert.equal((await codeforge.health()).status, 'healthy');
});
