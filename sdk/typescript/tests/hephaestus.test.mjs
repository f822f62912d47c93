// Against a running Lemnos with small projects: `LEMNOS_URL`, `LEMNOS_API_KEY`, `TEST_SLOW`, `TEST_FOLDER`.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ConflictError,
  Hephaestus,
  NotFoundError,
  TaskCancelledError,
  TaskFailedError,
  ValidationError,
} from '@lemnos/sdk';

const { TEST_SLOW, TEST_FOLDER } = process.env;
const client = new Hephaestus();

test('a run of gates', async () => {
  const run = await client.quality.guardRails({ gates: ['quick', 'sad'] });
  const said = await run.wait({ timeout: 60_000 });
  assert.equal(said.success, false);
  const verdicts = said.gates.map(({ name, metadata }) => [name, metadata.verdict]);
  assert.deepEqual(Object.fromEntries(verdicts), { quick: 'passed', sad: 'failed' });
  assert.equal((await run.get()).progress, 1);
  const { items } = await client.quality.list({ limit: 1 }).first();
  assert.equal(items[0].task_id, run.id);
  assert.equal((await client.quality.sarif(run.id)).version, '2.1.0');
  const names = [];
  for await (const { event } of run.stream()) {
    names.push(event);
  }
  assert.equal(names.at(0), 'connected');
  assert.equal(names.at(-1), 'done');
  assert.equal(names.filter((name) => name === 'gate_finished').length, 2);
});

test('a run that is cancelled', async () => {
  const run = await client.quality.guardRails({ workspace: TEST_SLOW });
  await run.cancel();
  await assert.rejects(run.wait({ timeout: 60_000 }), TaskCancelledError);
  await assert.rejects(client.operations.cancel(run.id), ConflictError);
});

test('what goes wrong', async () => {
  await assert.rejects(client.quality.guardRails({ workspace: '/' }), (error) => {
    assert.ok(error instanceof ValidationError);
    assert.equal(error.field, 'workspace');
    assert.equal(error.reason, 'path_not_allowed');
    return true;
  });
  const unknown = await client.quality.guardRails({ gates: ['no-such'] });
  await assert.rejects(unknown.wait({ timeout: 60_000 }), TaskFailedError);
  await assert.rejects(client.operations.get('task-none'), NotFoundError);
  await assert.rejects(client.analytics.rankings({ limit: 101 }), ValidationError);
});

test('cleanup and analytics', async () => {
  const look = await client.cleanup.clean({ root: TEST_FOLDER, dry_run: true });
  assert.equal((await look.wait()).files_deleted, 1);
  const clean = await client.cleanup.clean({ root: TEST_FOLDER });
  assert.equal((await clean.wait()).files_deleted, 1);
  const files = { 'forge.py': { covered: 1, total: 2 } };
  const taken = await client.analytics.ingest({ kind: 'coverage', source: 'sdk', files });
  assert.equal(taken.files, 1);
  const { rankings, strategy } = await client.analytics.rankings({ limit: 5 });
  assert.equal(strategy, 'composite');
  assert.ok(rankings.length > 0);
  assert.ok((await client.analytics.hotspots({ limit: 5 })).hotspots.length > 0);
});
