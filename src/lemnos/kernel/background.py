"""Tasks that run beside others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from lemnos.kernel.errors import Unavailable

T = TypeVar("T")
_OUTAGE_POLL = 1.0  # seconds


async def cancelled(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has ended. Raises what it had failed with before."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Try until the database is there. For calls that bear being made again."""
    while True:
        try:
            return await call()
        except Unavailable:
            await asyncio.sleep(_OUTAGE_POLL)
