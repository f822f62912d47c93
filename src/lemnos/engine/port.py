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

from lemnos.kernel.clock import SECOND
from lemnos.platform.db import Tx

T = TypeVar("T")
POINT = 60 * SECOND  # what a point of priority is worth
_MOST_GROWTH = 64  # enough for any pause, and no power of it overflows


@dataclass(frozen=True, slots=True)
class Job:
    """A durable unit of background work.

    ``id`` is its idempotency key: the same id is never run as two jobs. ``kind`` selects the
    handler, ``payload`` is JSON. ``run_at`` (microseconds) delays it: a waiting job is one row,
    no thread. A lower ``priority`` number goes first within its queue, and a point of it is worth
    a minute of waiting. ``rank`` is the place that comes of both (see :func:`rank`); work that
    goes on in a further job gives it the rank of the one before, and so keeps its place.
    """

    id: str
    kind: str
    tenant: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    run_at: int | None = None
    priority: int = 100
    rank: int | None = None


def rank(run_at: int, priority: int) -> int:
    """The place of a job in its queue, lowest first.

    Ranking by ``priority - age`` at any moment gives the same order as by ``run_at + priority``,
    so that low priorities rise with age though the rank never changes and an index can keep the
    order.
    """
    return run_at + priority * POINT


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

        A ``LemnosError`` that leaves the call is recorded and raised the same on every replay.
        ``Unavailable`` is not, as it passes by itself: like any other exception it ends this try
        of the job, which follows again with back-off, and goes on at this step. Raises
        :class:`JobLost` when the job has gone to another node.
        """
        ...

    async def fence(self, tx: Tx) -> None:
        """Tie a transaction to this run: raise :class:`JobLost` if the job is another's by now.

        A node that was taken for dead may still be alive. Whatever a job writes outside of the
        engine goes through a transaction that begins with this.
        """
        ...


class JobLost(Exception):
    """This node was taken for dead, and another one has the job."""


Handler = Callable[[Steps], Awaitable[None]]
OnFailed = Callable[[Tx, Job, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a job is tried, and how long (seconds) it waits: ``first * factor ** n``.

    Only tries that ended in an exception count: a job that is cut off by crashes goes on for ever.
    """

    attempts: int = 5
    first: float = 1.0
    factor: float = 4.0
    longest: float = 300.0

    def delay(self, failed: int) -> float:
        """Seconds to wait after so many failed tries (1 or more)."""
        return min(self.first * self.factor ** min(failed - 1, _MOST_GROWTH), self.longest)


DEFAULT_RETRY = Retry()


class Engine(Protocol):
    """Accepts jobs inside transactions and runs them on an executor."""

    def register(
        self,
        kind: str,
        handler: Handler,
        *,
        queue: str = "default",
        retry: Retry = DEFAULT_RETRY,
        on_failed: OnFailed | None = None,
    ) -> None:
        """Bind a kind of job to its handler and queue, before :meth:`start`.

        A job fails for good when a recorded error leaves its handler, or when its tries are used
        up. ``on_failed`` then runs in the transaction that marks it, with the error's text, so
        that no record of a domain stays "running" for ever.
        """
        ...

    async def enqueue(self, tx: Tx, job: Job) -> None:
        """Accept a job in the caller's transaction. An id that is known already is ignored."""
        ...

    async def cancel(self, tx: Tx, job_id: str) -> bool:
        """Withdraw a job that waits, be it for a retry. False when it runs or has ended."""
        ...

    async def hasten(self, tx: Tx, job_id: str) -> bool:
        """Make a delayed job due now. False when it is not waiting for its time."""
        ...

    async def position(self, job_id: str) -> int | None:
        """How many jobs of its queue wait before it, counted up to 10,000.

        None when it waits no longer. One that waits for its time is counted as if it were due.
        """
        ...

    async def ahead_of(self, kind: str, rank: int) -> int:
        """How many jobs would wait before one of this kind and rank, counted up to 10,000."""
        ...

    async def start(self) -> None:
        """Take up what was cut off, then new jobs, on the running event loop.

        Jobs may be enqueued earlier: this need not be awaited before requests are served.
        """
        ...

    async def drain(self, timeout: float) -> None:
        """Take no new jobs, wait up to ``timeout`` seconds for running ones, then stop.

        Jobs still running then are cut off as by a crash, and go on after the next start.
        """
        ...
