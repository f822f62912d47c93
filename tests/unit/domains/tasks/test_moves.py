"""A task and its workspace through jobs that come late, fail for good, or never begin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import pytest

from lemnos.domains.agents.ports import RunResult, Verdict
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.jobs import IterationJob
from lemnos.domains.tasks.model import Changes, NewTask, PullRequestAsked, Status, Task
from lemnos.domains.tasks.pull_requests import PullRequestJob
from lemnos.domains.tasks.recording import Ending, Recorder
from lemnos.domains.tasks.routing.announcements import TaskAnnouncements
from lemnos.domains.tasks.service import Followup
from lemnos.domains.tasks.store import TaskStore
from lemnos.domains.tasks.work import ITERATE, OPEN_PR
from lemnos.domains.workspaces.model import Workspace
from lemnos.domains.workspaces.ports import Checkout
from lemnos.domains.workspaces.store import WorkspaceStore
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Conflict
from lemnos.main.build import Server, build
from lemnos.platform.db import Tx
from lemnos.platform.db.migrate import migrate
from lemnos.settings import Settings

T = TypeVar("T")
CTX = system_context("default", "test")
_NOTHING = cast("Any", None)


class TakenUpAgain(Steps):
    """What a job gets that was cut off in its last step: all before is recorded."""

    recovered = True

    def __init__(self, job: Job) -> None:
        self.job = job

    async def run(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        if name == "end":
            return await call()
        done = msgspec.to_builtins(RunResult(Verdict.COMPLETED, text="Done."))
        recorded = {"workspace": True, "agent": done, "changes": None}
        recorded |= {"push": {"branch": "b", "commit": "c"}, "open": {"url": "u", "number": 1}}
        return cast(T, recorded[name])

    async def fence(self, tx: Tx) -> None:
        return


class Story:
    """Tasks whose jobs are carried out by hand: no engine runs."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.core, self.db, self.folder = server.core, server.platform.db, folder
        self.tasks = self.core.tasks
        self.store = TaskStore(self.db)
        self.workspaces = WorkspaceStore(self.db)
        self.recorder = Recorder(
            self.store,
            self.core.workspaces,
            server.platform.events,
            server.platform.webhooks,
            TaskAnnouncements(server.platform.announcer),
            b"secret",
        )

        self.bench = Bench(
            self.db, self.store, self.recorder, self.core.workspaces, _NOTHING, _NOTHING
        )

    async def running(self) -> Task:
        """A task at work, in a workspace that is held for it."""
        drafted = await self.tasks.draft(CTX, NewTask("https://github.com/u/r.git", "x"))
        task = await self.db.write(lambda tx: self.tasks.create(tx, CTX, drafted))
        task = await self.db.write(lambda tx: self.recorder.cloning(tx, task, ""))
        await self.give_workspace(task)
        return await self.db.write(lambda tx: self.recorder.running(tx, task, "builtin", "asked"))

    async def give_workspace(self, task: Task) -> None:
        folder, now = self.folder / task.id, clock.now()
        (folder / "checkout").mkdir(parents=True)
        checkout = Checkout(folder / "checkout", folder / "checkout.git", "0" * 40, "main")
        node = self.core.settings.node
        made = Workspace(
            task.id, task.tenant, node, checkout, folder / "home", True, 0, now, now, now
        )
        await self.db.write(lambda tx: self.workspaces.put(tx, made))

    async def ended(self, task: Task) -> Task:
        ending = Ending(Status.COMPLETED, changes=Changes(1, 2, 3))
        return await self.db.write(lambda tx: self.recorder.ended(tx, task, ending))

    def job(self, number: int, task: Task) -> Job:
        return Job(f"iterate:{task.id}:{number}", ITERATE, "default", _payload(task, number))

    def handler(self) -> IterationJob:
        """The handler, without what only its earlier steps need."""
        return IterationJob(self.bench, _NOTHING, _NOTHING, _NOTHING)

    async def status(self, task: Task) -> Status:
        return (await self.tasks.get(CTX, task.id)).status

    async def held(self, task: Task) -> bool:
        found = await self.workspaces.get(task.id)
        assert found is not None
        return found.held


def _payload(task: Task, number: int) -> dict[str, object]:
    return {"task_id": task.id, "number": number, "trace_id": task.trace_id}


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    server = build(Settings(data=str(tmp_path)))
    migrate(f"sqlite:///{tmp_path}/lemnos.db")
    await server.platform.db.start()
    yield Story(server, tmp_path / "workspaces")
    await server.platform.db.stop()
    for close in server.closing:
        if (closed := close()) is not None:
            await closed


async def test_a_job_that_ends_twice_leaves_the_next_iteration_alone(story: Story) -> None:
    task = await story.ended(await story.running())
    await story.db.write(lambda tx: story.tasks.instruct(tx, CTX, task.id, Followup("more")))

    await story.handler()(TakenUpAgain(story.job(1, task)))

    assert await story.status(task) is Status.AWAITING_INSTRUCTION
    second = (await story.tasks.iterations(CTX, task.id))[1]
    assert second.status is Status.AWAITING_INSTRUCTION


async def test_a_job_that_fails_late_leaves_the_next_iteration_alone(story: Story) -> None:
    task = await story.ended(await story.running())
    await story.db.write(lambda tx: story.tasks.instruct(tx, CTX, task.id, Followup("more")))
    job = story.job(1, task)

    await story.db.write(lambda tx: story.handler().failed(tx, job, "broken"))

    assert await story.status(task) is Status.AWAITING_INSTRUCTION


async def test_the_end_of_one_iteration_keeps_the_workspace_of_the_next(story: Story) -> None:
    task = await story.ended(await story.running())
    await story.db.write(lambda tx: story.tasks.instruct(tx, CTX, task.id, Followup("more")))
    assert await story.core.workspaces.hold(task.id)

    await story.handler()(TakenUpAgain(story.job(1, task)))

    assert await story.held(task)


async def test_a_task_at_rest_does_not_hold_its_workspace(story: Story) -> None:
    task = await story.running()
    with pytest.raises(Conflict):
        await story.db.write(lambda tx: story.core.workspaces.remove(tx, CTX, task.id))

    await story.ended(task)

    assert not await story.held(task)
    await story.db.write(lambda tx: story.core.workspaces.remove(tx, CTX, task.id))


async def test_a_job_that_failed_for_good_holds_no_workspace(story: Story) -> None:
    task = await story.running()
    job = story.job(1, task)

    await story.db.write(lambda tx: story.handler().failed(tx, job, "broken"))

    assert await story.status(task) is Status.FAILED
    assert not await story.held(task)


async def test_a_job_that_was_cancelled_while_it_waited_holds_no_workspace(story: Story) -> None:
    """One that waits for its next try: an earlier one has begun, and made the workspace."""
    task = await story.running()

    await story.db.write(lambda tx: story.tasks.cancel(tx, CTX, task.id))

    assert await story.status(task) is Status.CANCELLED
    assert not await story.held(task)


async def test_a_workspace_that_was_removed_cannot_be_held(story: Story) -> None:
    task = await story.ended(await story.running())
    await story.db.write(lambda tx: story.core.workspaces.remove(tx, CTX, task.id))

    assert not await story.core.workspaces.hold(task.id)
    assert not (story.folder / task.id).exists()  # at once: a new one may begin in its place


async def test_a_pull_request_that_ends_twice_does_not_answer_for_the_next(story: Story) -> None:
    task = await story.ended(await story.running())

    async def ask(tx: Tx) -> Task:
        return await story.tasks.ask_pull_request(tx, CTX, task.id, PullRequestAsked())

    await story.db.write(ask)
    first = await story.store.pull_request_asked(task.tenant, task.id)
    late = PullRequestJob(story.bench, _NOTHING)
    job = Job(first.job, OPEN_PR, task.tenant, {"task_id": task.id})
    await story.db.write(lambda tx: late.failed(tx, job, "broken"))
    assert await story.status(task) is Status.COMPLETED
    await story.db.write(ask)

    await late(TakenUpAgain(job))
    await story.db.write(lambda tx: late.failed(tx, job, "broken"))

    assert await story.status(task) is Status.CREATING_PR


async def test_a_cancel_that_came_too_late_forbids_no_pull_request(story: Story) -> None:
    task = await story.running()
    await story.db.write(lambda tx: story.store.change(tx, task, cancel_requested_at=clock.now()))
    await story.ended(task)

    asked = PullRequestAsked()
    await story.db.write(lambda tx: story.tasks.ask_pull_request(tx, CTX, task.id, asked))

    assert (await story.tasks.get(CTX, task.id)).cancel_requested_at is None
