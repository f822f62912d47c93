"""Tasks that run beside others."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any


async def cancelled(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has ended. Raises what it had failed with before."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
