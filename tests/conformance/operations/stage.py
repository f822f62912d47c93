"""Operations on a real engine and a real database, with work that a test steers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lemnos.domains.operations.events import stream_of
from lemnos.domains.operations.model import Kind, Operation
from lemnos.domains.operations.ports import Report
from lemnos.domains.operations.service import OperationService
from lemnos.foundation import Platform, make_platform
from lemnos.kernel.context import system_context
from lemnos.main.operations import make_operations
from lemnos.platform.db import Tx
from lemnos.platform.events.port import Event
from lemnos.settings import Settings

CTX = system_context("default", "test")
PATIENCE = 30.0  # seconds a test waits for what must come


@dataclass
class Steered:
    """Work that reports what it is told to, then waits for ``go``, and ends as it should."""

    result: Mapping[str, Any] = field(default_factory=lambda: {"done": True})
    error: Exception | None = None
    reports: tuple[tuple[float, str], ...] = ()
    go: asyncio.Event = field(default_factory=asyncio.Event)
    calls: int = 0
    at_work: asyncio.Event = field(default_factory=asyncio.Event)
    cut_off: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, operation: Operation, report: Report) -> Mapping[str, Any]:
        self.calls += 1
        for progress, name in self.reports:
            await report(progress, name, {"stage": f"at {name}"})
        self.at_work.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cut_off.set()
            raise
        if self.error is not None:
            raise self.error
        return self.result


@dataclass
class Stage:
    """A node whose engine runs."""

    platform: Platform
    operations: OperationService
    work: Steered

    async def started(self, **request: Any) -> Operation:
        """An operation that was accepted."""
        drafted = self.operations.draft(CTX, Kind.CLEANUP, request)

        async def start(tx: Tx) -> Operation:
            return await self.operations.start(tx, CTX, drafted)

        return await self.platform.db.write(start)

    async def cancel(self, operation: Operation) -> Operation:
        """Ask for its end."""

        async def body(tx: Tx) -> Operation:
            return await self.operations.cancel(tx, CTX, operation.id)

        return await self.platform.db.write(body)

    async def ended(self, operation: Operation) -> Operation:
        """The operation at its end."""
        found = await self.operations.wait(CTX, operation.id, PATIENCE)
        assert found.ended, found
        return found

    async def events(self, operation: Operation) -> list[Event]:
        """All that its stream tells."""
        return await self.platform.events.read(stream_of(operation.id))


async def within(what: Awaitable[Any]) -> Any:
    """What must come."""
    return await asyncio.wait_for(what, PATIENCE)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def staged(
    folder: Path, dsn: str = "", work: Steered | None = None, *, works: bool = True, **more: Any
) -> AsyncIterator[Stage]:
    """A node on a database whose schema is in place.

    There is one DBOS in a process: of two nodes only one ``works``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    platform = make_platform(Settings(data=str(folder), database_url=dsn, **more))
    operations, work = make_operations(platform), work or Steered()
    for kind in Kind:
        operations.register(kind, work)
    await platform.db.start()
    await platform.notifier.start()
    if works:
        await platform.engine.start()
    try:
        yield Stage(platform, operations, work)
    finally:
        if works:
            await platform.engine.drain(0)
        await platform.notifier.stop()
        await platform.sender.close()
        await platform.db.stop()
