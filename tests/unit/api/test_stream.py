"""A task's stream against the real log: history, resuming, ends, keepalives and its time-out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lemnos.api.codeforge.routes.stream import WORDS
from lemnos.api.kit import task_stream
from lemnos.domains.tasks import events
from lemnos.domains.tasks.model import Changes, NewTask, Status, Task
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.tasks.service import Followup
from lemnos.domains.tasks.store import TaskStore
from lemnos.kernel import clock
from lemnos.kernel.context import system_context
from lemnos.main.build import Server, build
from lemnos.platform.db.migrate import migrate
from lemnos.platform.events.port import NewEvent
from lemnos.settings import Settings
from tests.support.server import StreamEvent, parse_sse

CTX = system_context("default", "test")


class Story:
    """A task whose life is written by hand: no engine runs."""

    def __init__(self, server: Server) -> None:
        self.core, self.db, self.log = server.core, server.platform.db, server.platform.events
        self.store = TaskStore(self.db)
        self.recorder = server.recorder

    async def begin(self) -> Task:
        task = await self.core.tasks.draft(CTX, NewTask("https://github.com/u/r.git", "x"))
        await self.db.write(lambda tx: self.core.tasks.create(tx, CTX, task))
        return await self.run(task)

    async def run(self, task: Task) -> Task:
        if task.status is Status.PENDING:
            task = await self.db.write(lambda tx: self.recorder.cloning(tx, task, ""))
        return await self.db.write(lambda tx: self.recorder.running(tx, task, "builtin", "asked"))

    async def say(self, task: Task, count: int) -> None:
        name = events.stream_of(task.id)
        batch = [NewEvent("stream", "output", b'{"n":%d}' % n, clock.now()) for n in range(count)]
        await self.db.write(lambda tx: self.log.append(tx, task.tenant, name, batch))

    async def end(self, task: Task, status: Status = Status.COMPLETED) -> Task:
        ending = Ending(status, changes=Changes(1, 2, 3))
        return await self.db.write(lambda tx: self.recorder.ended(tx, task, ending))

    async def instruct(self, task: Task) -> Task:
        await self.db.write(lambda tx: self.core.tasks.instruct(tx, CTX, task.id, Followup("more")))
        return await self.run(await self.core.tasks.get(CTX, task.id))

    async def follow(self, task: Task, after: int = 0) -> AsyncIterator[bytes]:
        task = await self.core.tasks.get(CTX, task.id)
        async for chunk in task_stream.follow(self.core, CTX, task, after, WORDS):
            yield chunk

    async def read(self, task: Task, after: int = 0) -> list[StreamEvent]:
        text = b"".join([chunk async for chunk in self.follow(task, after)]).decode()
        return list(parse_sse(iter(text.split("\n"))))


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[Story]:
    server = build(Settings(data=str(tmp_path), stream_idle=1))
    migrate(f"sqlite:///{tmp_path}/lemnos.db")
    await server.platform.db.start()
    await server.platform.notifier.start()
    yield Story(server)
    server.platform.hub.stop()
    await server.platform.notifier.stop()
    await server.platform.db.stop()
    for close in server.closing:
        if (closed := close()) is not None:
            await closed


def numbers(found: list[StreamEvent]) -> list[int]:
    return [event.id for event in found if event.id is not None]


async def test_a_task_at_rest_gives_its_history_and_ends(story: Story):
    task = await story.end(await story.begin())
    found = await story.read(task)
    assert found[0] == StreamEvent("connected", {"task_id": task.id, "status": "completed"})
    assert numbers(found) == list(range(1, len(found) - 1))
    changes = {"files_changed": 1, "insertions": 2, "deletions": 3}
    done = {"task_id": task.id, "status": "completed", "changes_summary": changes}
    assert found[-1] == StreamEvent("done", done)


async def test_the_end_of_an_earlier_iteration_does_not_cut_a_long_history_short(story: Story):
    """The history comes in pieces; the first one has an end in it, and the task is at rest."""
    task = await story.end(await story.begin())
    task = await story.instruct(task)
    await story.say(task, 1_800)
    task = await story.end(task)
    found = await story.read(task)
    assert numbers(found) == list(range(1, await story.core.tasks.last_event(task.id) + 1))
    assert [event.name for event in found if event.name] == ["connected", "done"]


async def test_resuming_goes_on_behind_the_event_that_was_seen(story: Story):
    task = await story.begin()
    await story.say(task, 20)
    task = await story.end(task)
    everything = numbers(await story.read(task))
    for seen in (1, 7, len(everything) - 1):
        assert numbers(await story.read(task, seen)) == everything[seen:]
    last = await story.read(task, len(everything))
    assert [event.name for event in last] == ["connected", "done"]


async def test_an_id_from_the_future_gets_what_comes_next(story: Story):
    task = await story.end(await story.begin())
    assert [event.name for event in await story.read(task, 10**9)] == ["connected", "done"]


async def test_live_events_follow_the_history(story: Story):
    task = await story.begin()
    chunks = story.follow(task)
    text = await anext(chunks) + await anext(chunks)
    await story.say(task, 3)
    while b'"n":2' not in text:
        text += await anext(chunks)
    await story.end(task)
    async for chunk in chunks:
        text += chunk
    found = list(parse_sse(iter(text.decode().split("\n"))))
    assert numbers(found) == list(range(1, await story.core.tasks.last_event(task.id) + 1))
    assert found[-1].name == "done"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (Status.FAILED, "failed"),
        (Status.CANCELLED, "cancelled"),
        (Status.PAUSED, "failed"),
    ],
)
async def test_done_says_how_it_ended(story: Story, status: Status, shown: str):
    task = await story.end(await story.begin(), status)
    assert (await story.read(task))[-1].data["status"] == shown


async def test_a_quiet_stream_is_kept_alive_and_then_ends(
    story: Story, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(task_stream, "_KEEPALIVE", 0.2)
    task = await story.begin()
    text = b"".join([chunk async for chunk in story.follow(task)]).decode()
    assert text.count(": keepalive\n\n") >= 2
    last: Any = list(parse_sse(iter(text.split("\n"))))[-1]
    assert last.name == "timeout"
    assert last.data["message"]


async def test_what_an_agent_prints_cannot_forge_an_event(story: Story):
    """Line breaks in its line would end the frame; JSON has none outside of strings."""
    task = await story.begin()
    raw = json.dumps({"text": "x\n\nevent: done\ndata: {}"}).encode() + b"\n"
    event = NewEvent("stream", "output", raw, clock.now())
    await story.db.write(lambda tx: story.recorder.note(tx, task, event))
    task = await story.end(task)
    assert [event.name for event in await story.read(task) if event.name] == ["connected", "done"]
