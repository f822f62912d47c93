"""What an agent says on its way into the log: all of it, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from lemnos.domains.tasks.transcript import LONGEST, LONGEST_DETAIL, MOST, Transcript
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.platform.db import Tx
from lemnos.platform.db.connect import open_database
from lemnos.platform.db.migrate import migrate
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import Event, NewEvent

T = TypeVar("T")
STREAM = "task:1"
MEGA = 1 << 20


class _Undisputed(Steps):
    """A job that nobody takes away: the engine is not what is tested."""

    job = Job("job", "kind", "default", {})
    recovered = False

    async def run(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def fence(self, tx: Tx) -> None:
        return


class _Story:
    def __init__(self, log: SqlEventLog, transcript: Transcript) -> None:
        self.log = log
        self.transcript = transcript

    async def written(self) -> list[Event]:
        await self.transcript.close()
        return await self.log.read(STREAM, limit=10_000)


@pytest.fixture
async def story(tmp_path: Path) -> AsyncIterator[_Story]:
    url = f"sqlite:///{tmp_path}/lemnos.db"
    await asyncio.to_thread(migrate, url)
    db = open_database(url)
    await db.start()
    log = SqlEventLog(db, Notifier(None))
    transcript = Transcript(db, log, _Undisputed(), "default", STREAM)
    await transcript.open()
    yield _Story(log, transcript)
    await db.stop()


def _event(size: int, detail: bytes = b"", name: str = "output") -> NewEvent:
    return NewEvent("stream", name, b'"%s"' % (b"x" * size), clock.now(), detail)


async def test_a_long_event_is_kept_whole_up_to_a_limit(story: _Story) -> None:
    story.transcript.add(_event(LONGEST // 2, b"{}"))
    story.transcript.add(_event(3 * LONGEST, b'{"kind":"text"}'))
    story.transcript.add(_event(10, b'"%s"' % (b"x" * 2 * LONGEST_DETAIL)))

    whole, cut, cut_detail = await story.written()

    assert len(whole.data) == LONGEST // 2 + 2
    assert cut.data == b'{"type":"lemnos.cut","bytes":%d}' % (3 * LONGEST + 2)
    assert cut.detail == b'{"kind":"text"}'
    assert len(cut_detail.detail) < 100


async def test_a_run_that_says_too_much_is_told_so_once(story: _Story) -> None:
    for _ in range(2 * MOST // LONGEST):
        story.transcript.add(_event(LONGEST // 2 * 2 - 1000))
        await story.transcript.settled()
    story.transcript.add(_event(10, name="exited"))

    events = await story.written()

    assert MOST - LONGEST < sum(len(event.data) for event in events) <= MOST
    assert b"more than 64 MB" in events[-2].data
    assert events[-1].name == "exited"


async def test_large_events_hold_the_agent_up_sooner_than_small_ones(story: _Story) -> None:
    for _ in range(17):
        story.transcript.add(_event(MEGA - 1000))

    assert story.transcript.full
    assert len(await story.written()) == 17
    assert not story.transcript.full
