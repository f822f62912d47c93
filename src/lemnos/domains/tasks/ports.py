"""What the tasks domain needs from outside, and its use cases from routing."""

from __future__ import annotations

from typing import Protocol

from lemnos.domains.tasks.model import Task
from lemnos.engine import Job
from lemnos.platform.db import Tx


class AddressPolicy(Protocol):
    """Which repositories and callbacks a caller may name.

    Each check raises ``Invalid`` with the field. Names are resolved when they are connected to,
    and checked again then.
    """

    def check_repository(self, url: str, *, field: str = "repo_url") -> None:
        """An http(s) URL of a public or allowed host, or a path under an allowed root."""
        ...

    def check_mcp_server(self, url: str, *, field: str = "url") -> None:
        """An http(s) URL of a public or allowed host."""
        ...

    def check_callback(self, url: str, *, field: str = "callback_url") -> None:
        """An http(s) URL of a public or allowed host."""
        ...


class RoutedWork(Protocol):
    """How routed tasks are carried on between their jobs. The caller holds the task's lock."""

    async def parked_job(self, tx: Tx, task: Task) -> str:
        """The id of the job that goes on with a task while it waits; empty when it does not."""
        ...

    async def begin_anew(self, tx: Tx, task: Task) -> Job:
        """The first leg of a further iteration, which queues up anew; not enqueued yet."""
        ...


class Announcements(Protocol):
    """Tells whoever subscribed to it what becomes of tasks, in the caller's transaction."""

    async def created(self, tx: Tx, task: Task) -> None:
        """The task was accepted."""
        ...

    async def started(self, tx: Tx, task: Task) -> None:
        """Work at the task has begun, for the first time."""
        ...

    async def ended(self, tx: Tx, task: Task) -> None:
        """An iteration is over; how, the task says."""
        ...
