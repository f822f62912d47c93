"""The Python SDK's Hephaestus client against a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemnos_sdk import (
    AsyncHephaestus,
    ConflictError,
    Hephaestus,
    NotFoundError,
    TaskCancelledError,
    TaskFailedError,
    ValidationError,
)
from tests.contract.hephaestus.site import Site, built

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built(tmp_path_factory.mktemp("sdk")) as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[Hephaestus]:
    with Hephaestus(site.server.key, base_url=f"{site.server.url}/api/v1") as made:
        yield made


def test_a_run_of_gates(client: Hephaestus) -> None:
    run = client.quality.guard_rails(gates=["quick", "sad"])
    said = run.wait(timeout=60)
    assert not said.success
    assert {gate.name: gate.verdict for gate in said.gates} == {"quick": "passed", "sad": "failed"}
    assert run.get().progress == 1.0
    assert run.id in [one.task_id for one in client.quality.list(limit=1)]
    assert client.quality.sarif(run.id)["version"] == "2.1.0"
    names = [event.event for event in run.stream()]
    assert names[0] == "connected"
    assert names[-1] == "done"
    assert names.count("gate_finished") == 2


def test_a_run_that_is_cancelled(client: Hephaestus, site: Site) -> None:
    run = client.quality.guard_rails(workspace=str(site.slow))
    run.cancel()
    with pytest.raises(TaskCancelledError):
        run.wait(timeout=60)
    with pytest.raises(ConflictError):
        client.operations.cancel(run.id)


def test_what_goes_wrong(client: Hephaestus) -> None:
    with pytest.raises(ValidationError) as caught:
        client.quality.guard_rails(workspace="/")
    assert caught.value.field == "workspace"
    assert caught.value.reason == "path_not_allowed"
    assert "allowed" in caught.value.message
    with pytest.raises(TaskFailedError):
        client.quality.guard_rails(gates=["no-such"]).wait(timeout=60)
    with pytest.raises(NotFoundError):
        client.operations.get("task-none")
    with pytest.raises(ValidationError):
        client.analytics.rankings(limit=101)


def test_cleanup_and_analytics(client: Hephaestus, site: Site) -> None:
    root = site.folder({".DS_Store": "x", "kept.txt": "y"})
    assert client.cleanup.clean(root=str(root), dry_run=True).wait().files_deleted == 1
    assert client.cleanup.clean(root=str(root)).wait().files_deleted == 1
    assert [path.name for path in root.iterdir()] == ["kept.txt"]
    taken = client.analytics.ingest(
        kind="coverage", source="sdk", files={"forge.py": {"covered": 1, "total": 2}}
    )
    assert taken.files == 1
    ranked = client.analytics.rankings(strategy="coverage_first", limit=5)
    (forge,) = [one for one in ranked.rankings if one.path == "forge.py"]
    assert forge.metrics["coverage"] == 0.5
    assert "forge.py" in [one.path for one in client.analytics.hotspots().hotspots]


async def test_the_same_awaited(site: Site) -> None:
    async with AsyncHephaestus(site.server.key, base_url=site.server.url) as client:
        run = await client.quality.guard_rails(gates=["quick"])
        assert (await run.wait(timeout=60)).success
        assert [one async for one in client.quality.list(status="completed")]
