"""The use cases of analytics on both databases, with real repositories."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lemnos.adapters.git.history import GitHistory
from lemnos.domains.analytics.facts import FreshFacts
from lemnos.domains.analytics.measuring import Measurer
from lemnos.domains.analytics.model import Kind, Strategy, Where
from lemnos.domains.analytics.service import AnalyticsService
from lemnos.domains.analytics.store import MeasurementStore
from lemnos.domains.tasks.gating import GatesAsked
from lemnos.domains.tasks.model import Status, Task, TaskConfig
from lemnos.domains.workspaces.places import Places, TaskPlace
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.context import Context, system_context
from lemnos.kernel.errors import Invalid, NotFound, TooLarge
from lemnos.runners.analysis.pool import AnalyserPool
from lemnos.runners.coverage.reader import CoverageReader
from tests.support.analyses import commit, git

ACME, OTHER = system_context("acme", "test"), system_context("other", "test")
TASK_UUID = "01a204e6-500f-7d4a-9eaa-90d1bdf5faa2"
MODULE = "def one(n):\n    if n:\n        return 1\n    return 2\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    repo = tmp_path / "roots" / "repo"
    commit(repo, {"src/a.py": MODULE, "src/b.py": MODULE})
    return repo


class OneTask:
    """The place of one task, whose work tree is a repository of the test."""

    def __init__(self, repo: Path) -> None:
        self._repo = repo

    @asynccontextmanager
    async def find(self, ctx: Context, task_id: str) -> AsyncIterator[TaskPlace]:
        """See ``workspaces.places.TaskPlaces``."""
        if task_id not in ("task_1", TASK_UUID):
            raise NotFound(f"There is no task {task_id}.", code="task_not_found")
        base = git(self._repo, "rev-parse", "HEAD").strip()
        yield TaskPlace(Checkout(self._repo, self._repo / ".git", base, "main"))

    async def get(self, ctx: Context, task_id: str) -> Task:
        """See ``TaskService.get``."""
        return Task(
            id=task_id,
            tenant=ctx.tenant,
            created_by="t",
            status=Status.COMPLETED,
            repo_url="https://git.example/acme/shop",
            prompt="p",
            current_prompt="p",
            iteration=1,
            config=TaskConfig(target_branch="develop"),
            provider_key="mine",
            callback_url="",
            created_at=0,
            trace_id="",
        )


@pytest.fixture
async def service(database, repo, tmp_path) -> AsyncIterator[AnalyticsService]:
    history, analysers = GitHistory(), AnalyserPool(1)
    tasks = OneTask(repo)
    own = repo.parent / "data"
    yield AnalyticsService(
        database,
        MeasurementStore(database),
        Measurer(history, FreshFacts(history, analysers), CoverageReader()),
        history,
        Places((repo.parent,), (own,), repo),
        tasks,
        tasks.get,
    )
    analysers.close()
    history.close()


async def _send(database, service, ctx: Context, where: str, content, kind=Kind.COVERAGE):
    return await database.write(lambda tx: service.ingest(tx, ctx, where, kind, "ci", "", content))


async def test_a_folder_a_task_or_the_default(service, repo):
    named = await service.rankings(ACME, Where(workspace=str(repo)))
    assert {each.measured.path for each in named.rankings} == {"src/a.py", "src/b.py"}
    assert await service.rankings(ACME, Where()) == named
    assert await service.rankings(ACME, Where(task_id="task_1")) == named
    hot = await service.hotspots(ACME, Where(task_id="task_1"))
    assert len(hot.hotspots) == 2


async def test_what_was_sent_is_kept_by_tenant_and_replaced(database, service, repo):
    await _send(database, service, ACME, str(repo), {"src/a.py": (1, 4)})
    sent = await _send(database, service, ACME, str(repo), {"src/a.py": (2, 4)})
    assert (sent.workspace, sent.commit) == (str(repo), "")

    async def coverage(ctx: Context) -> list[float | None]:
        found = await service.rankings(ctx, Where(), strategy=Strategy.COVERAGE_FIRST)
        by_path = {each.measured.path: each.measured.coverage for each in found.rankings}
        return [by_path[path].ratio if by_path[path] else None for path in sorted(by_path)]

    assert await coverage(ACME) == [0.5, None]
    assert await coverage(OTHER) == [None, None]


async def test_what_guard_rails_have_covered(service, repo):
    head = git(repo, "rev-parse", "HEAD").strip()
    named = f"task_{TASK_UUID.replace('-', '')}"  # the same task by its other name
    await service.keep_coverage("acme", named, head, {"src/a.py": (4, 4), "src/b.py": (0, 4)})
    found = await service.rankings(
        ACME, Where(task_id=TASK_UUID), strategy=Strategy.COVERAGE_FIRST, limit=1
    )
    assert found.rankings[0].measured.path == "src/b.py"
    assert found.warnings == ()
    elsewhere = await service.rankings(ACME, Where())
    assert any("No coverage" in text for text in elsewhere.warnings)


async def test_an_entry_becomes_a_task(service, repo):
    made = await service.refactoring_task(
        ACME, Where(workspace=str(repo)), "src/a.py", instructions="Be brief."
    )
    assert (made.repo_url, made.config.target_branch) == (str(repo), "main")
    assert made.config.gates == GatesAsked()
    assert made.prompt.startswith("Refactor src/a.py ")
    assert made.prompt.endswith("Be brief.")
    chosen = GatesAsked(attempts=0, required=False)
    again = await service.refactoring_task(ACME, Where(task_id="task_1"), "src/a.py", gates=chosen)
    assert again.repo_url == "https://git.example/acme/shop"
    assert (again.config.target_branch, again.provider_key) == ("develop", "mine")
    assert again.config.gates == chosen
    with pytest.raises(NotFound) as caught:
        await service.refactoring_task(ACME, Where(), "src/none.py")
    assert caught.value.code == "file_not_found"


@pytest.mark.parametrize(
    "bad", ["/", "/etc", "relative", "{roots}/../elsewhere", "{roots}/link", "{roots}/data", "a\0b"]
)
async def test_folders_that_may_not_be_named(database, service, repo, tmp_path, bad):
    (tmp_path / "elsewhere").mkdir()
    (repo.parent / "link").symlink_to(tmp_path / "elsewhere")
    (repo.parent / "data").mkdir()
    path = bad.format(roots=repo.parent)
    for call in (
        service.rankings(ACME, Where(workspace=path)),
        service.hotspots(ACME, Where(workspace=path)),
        _send(database, service, ACME, path, {}),
    ):
        with pytest.raises(Invalid) as caught:
            await call
        assert caught.value.code == "path_not_allowed"


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("source", {"source": " "}),
        ("source", {"source": "x" * 101}),
        ("source", {"source": "a\nb"}),
        ("commit", {"commit": "HEAD"}),
        ("content", {"content": {"": (1, 1)}}),
        ("content", {"content": {"a\0": (1, 1)}}),
        ("content", {"content": {"a": (2, 1)}}),
        ("content", {"content": {"a": (-1, 1)}}),
    ],
)
async def test_measurements_that_cannot_be(database, service, field, changed):
    asked = {"source": "ci", "commit": "", "content": {"a": (1, 2)}, **changed}
    with pytest.raises(Invalid) as caught:
        await database.write(
            lambda tx: service.ingest(
                tx, ACME, "", Kind.COVERAGE, asked["source"], asked["commit"], asked["content"]
            )
        )
    assert list(caught.value.fields) == [field]


async def test_more_files_than_there_may_be(database, service):
    with pytest.raises(TooLarge):
        await _send(database, service, ACME, "", {str(n): (1, 1) for n in range(200_001)})


async def test_both_a_folder_and_a_task(service, repo):
    with pytest.raises(Invalid) as caught:
        await service.rankings(ACME, Where(str(repo), "task_1"))
    assert "task_id" in caught.value.fields
