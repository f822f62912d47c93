"""The TypeScript SDK: its own tests with Node.js, and its types as a user's compiler sees them."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.hephaestus.site import built
from tests.sdk.programs import ROOT, environment, run
from tests.sdk.relay import Relay
from tests.support.fixtures import TOKEN
from tests.support.server import LemnosServer
from tests.support.shell import sample_repository
from tests.support.sink import WebhookSink

SDK = ROOT / "sdk" / "typescript"
USER = """
import { CodeForge, Hephaestus, ORCHEX, ValidationError, type orchex as wire } from '@lemnos/sdk';

const orchex = new ORCHEX({ apiKey: 'k' });
const result = await orchex.tasks.submit({ type: 'code_generation', description: 'x' });
const code: string | null = result.code;
for await (const task of orchex.tasks.list({ status: 'completed' })) {
  const shown: wire.TaskSummary = task;
  console.log(shown.cost_usd?.toFixed(2), code);
}
for await (const event of new CodeForge().tasks.stream('id', { signal: AbortSignal.timeout(1) })) {
  console.log(event.type);
}
const handle = await orchex.tasks.submit({ type: 'testing', description: 'x' }).task;
await handle.wait({ timeout: 1000 }).catch((error: unknown) => {
  if (error instanceof ValidationError) console.log(error.field, error.requestId);
});
const gates = await (await new Hephaestus().quality.guardRails({ no_format: true })).wait();
console.log(gates.success, gates.gates.at(0)?.message);
// @ts-expect-error - not a strategy
await new Hephaestus().analytics.rankings({ strategy: 'random' });
// @ts-expect-error - not a type of task
await orchex.tasks.create({ type: 'poetry', description: 'x' });
// @ts-expect-error - without a description
await orchex.tasks.create({ type: 'testing' });
// @ts-expect-error - read only
handle.taskId = 'other';
"""


@pytest.fixture(scope="module")
def project(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the tarball installed, with the SDK's tests beside it."""
    folder = tmp_path_factory.mktemp("project")
    (tarball,) = artifacts.glob("lemnos-sdk-*.tgz")
    with tarfile.open(tarball) as archive:
        archive.extractall(folder, filter="data")
    scope = folder / "node_modules" / "@lemnos"
    scope.mkdir(parents=True)
    (folder / "package").rename(scope / "sdk")
    shutil.copytree(SDK / "tests", folder / "tests")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def node(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
    """Run Node.js; its output is the message of a failure."""
    done = run(["node", *arguments], folder, env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


@pytest.mark.parametrize("name", ["transport", "events"])
def test_against_a_scripted_server(project: Path, name: str) -> None:
    node(project, "--test", f"tests/{name}.test.mjs")


@pytest.fixture(scope="module")
def relay(server: LemnosServer) -> Iterator[Relay]:
    with Relay(server.url, cut_after=6_000) as running:
        yield running


@pytest.mark.e2e
def test_against_a_running_server(
    project: Path, server: LemnosServer, relay: Relay, repo_url: str, sink: WebhookSink
) -> None:
    env = environment(
        server,
        TEST_RELAY_URL=relay.url,
        TEST_REPOSITORY=str(sample_repository(server.folder / "order-desk")),
        TEST_REPO_URL=repo_url,
        TEST_TOKEN=TOKEN,
        TEST_SINK_URL=sink.url,
    )
    node(project, "--test", "tests/server.test.mjs", env=env)
    assert relay.cuts > 1
    assert {"webhook-signature", "webhook-id"} <= set(sink.wait_for(1)[0].headers)


@pytest.mark.e2e
def test_hephaestus_against_a_running_server(project: Path, tmp_path: Path) -> None:
    with built(tmp_path) as site:
        folder = site.folder({".DS_Store": "x", "kept.txt": "y"})
        env = environment(site.server, TEST_SLOW=str(site.slow), TEST_FOLDER=str(folder))
        node(project, "--test", "tests/hephaestus.test.mjs", env=env)
        assert [path.name for path in folder.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("module", ["nodenext", "commonjs"])
def test_the_types_of_the_package(project: Path, module: str) -> None:
    """A user's strict compiler takes what is right, and refuses what is wrong."""
    folder = project / module
    folder.mkdir()
    kind = "commonjs" if module == "commonjs" else "module"
    (folder / "package.json").write_text(f'{{"type": "{kind}"}}')
    source = USER if kind == "module" else f"{_imports(USER)}\n(async () => {{{_body(USER)}}})();"
    (folder / "user.ts").write_text(source)
    compiler = SDK / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022"]
    options += ["--lib", "es2023,dom,dom.iterable,dom.asynciterable"]

    node(folder, str(compiler), *options, "user.ts")


def _imports(source: str) -> str:
    return source.strip().splitlines()[0]


def _body(source: str) -> str:
    return "\n".join(source.strip().splitlines()[1:])
