"""The log is away, or breaks in the middle of a commit: every event is written once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from lemnos.domains.tasks.transcript import Transcript
from lemnos.engine import Job, Steps
from lemnos.engine.port import JobLost
from lemnos.kernel import background, clock
from lemnos.platform.db import Database, Tx
from lemnos.platform.db.connect import open_database
from lemnos.platform.db.errors import DatabaseUnavailable
from lemnos.platform.db.migrate import migrate
from lemnos.platform.events.log import SqlEventLog
from lemnos.platform.events.notifier import Notifier
from lemnos.platform.events.port import NewEvent

T = TypeVar("T")
STREAM = "task:1"


class _Breaking:
    """A real database whose connection breaks: for some writes before, for some after commit."""

    def __init__(self, db: Database, *breaks: str) -> None:
        self._db = db
        self._breaks = list(breaks)

    async def write(self, body: Callable[[Tx], Awaitable[T]], **options: Any) -> T:
        how = self._breaks.pop(0) if self._breaks else ""
        if how == "before":
            raise DatabaseUnavailable("The database is away.")
        result = await self._db.write(body, **options)
        if how == "after":
            raise DatabaseUnavailable("The connection broke.", code="outcome_unknown")
        return result


class _Job(Steps):
    job = Job("job", "kind", "default", {})
    recovered = False
    lost = False

    async def run(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def fence(self, tx: Tx) -> None:
        if self.lost:
            raise JobLost("The job has gone to another node.")


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(background, "_OUTAGE_POLL", 0.0)
    url = f"sqlite:///{tmp_path}/lemnos.db"
    await asyncio.to_thread(migrate, url)
    db = open_database(url)
    await db.start()
    yield db
    await db.stop()


@pytest.mark.parametrize(
    "breaks",
    [("after",), ("before", "before"), ("before", "after"), ("after", "after", "", "after")],
    ids="-".join,
)
async def test_each_event_is_written_once(database: Database, breaks: tuple[str, ...]) -> None:
    log = SqlEventLog(database, Notifier(None))
    broken: Any = _Breaking(database, *breaks)
    transcript = Transcript(broken, log, _Job(), "default", STREAM)
    await transcript.open()

    for number in range(6):
        transcript.add(NewEvent("stream", "output", b"%d" % number, clock.now()))
        if number % 2:
            await transcript.settled()
    await transcript.close()

    written = await log.read(STREAM)
    assert [int(event.data) for event in written] == list(range(6))
    assert [event.seq for event in written] == list(range(1, 7))


async def test_a_job_that_is_anothers_writes_nothing(database: Database) -> None:
    log, job = SqlEventLog(database, Notifier(None)), _Job()
    broken: Any = _Breaking(database, "before")
    transcript = Transcript(broken, log, job, "default", STREAM)
    await transcript.open()
    job.lost = True

    transcript.add(NewEvent("stream", "output", b"1", clock.now()))
    with pytest.raises(JobLost):
        await transcript.settled()

    assert await log.read(STREAM) == []
