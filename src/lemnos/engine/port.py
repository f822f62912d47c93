"""The engine port: jobs that are accepted in a transaction and survive any crash.

A job is committed together with the fact that asks for it. From then on it runs to its end, on
this node or another one, however often a process is killed. Its handler is a sequence of named
steps; the result of a step that is recorded is returned from the record when the job runs again,
so its side effect happens once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from lemnos.platform.db import Tx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """A durable unit of background work.

    ``id`` is its idempotency key: the same id is never run as two jobs. ``kind`` selects the
    handler, ``payload`` is JSON. ``run_at`` (microseconds) delays it: a waiting job is one row,
    no thread. A lower ``priority`` number goes first within its queue.
    """

    id: str
    kind: str
    tenant: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: int | None = None
    priority: int = 100


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many jobs of a queue run at once on each node."""

    name: str
    concurrency: int


class Steps(Protocol):
    """What a handler sees of the engine while its job runs."""

    job: Job
    recovered: bool  # True when an earlier run of this job was cut off (a crash, a dead node)

    async def run(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Run a step, or return its recorded result (JSON values only).

        An exception that leaves the call is recorded too when it is a ``LemnosError``; any other
        one ends the job, which is then tried again with back-off.
        """
        ...


Handler = Callable[[Steps], Awaitable[None]]


class Engine(Protocol):
    """Accepts jobs inside transactions and runs them on an executor."""

    def register(self, kind: str, handler: Handler, *, queue: str = "default") -> None:
        """Bind a kind of job to its handler and queue, before :meth:`start`."""
        ...

    async def enqueue(self, tx: Tx, job: Job) -> None:
        """Accept a job in the caller's transaction. An id that is known already is ignored."""
        ...

    async def cancel(self, tx: Tx, job_id: str) -> bool:
        """Withdraw a job that has not started. False when it runs or has ended."""
        ...

    async def start(self) -> None:
        """Take up what was cut off, then new jobs."""
        ...

    async def drain(self, timeout: float) -> None:
        """Take no new jobs, wait up to ``timeout`` seconds for running ones, then stop.

        Jobs still running then are cut off as by a crash, and go on after the next start.
        """
        ...
