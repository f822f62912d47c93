"""The one writer to SQLite: many transactions to one commit, so to one fsync.

SQLite allows one writer at a time, and a durable commit costs a disk flush. So bodies queue, and
those that wait run together inside a single ``BEGIN IMMEDIATE … COMMIT``; all of them are told at
once after the commit. Under load the flush is shared; when idle a body waits for nobody.

The bodies run on the event loop: their statements take microseconds, and handing each to a thread
would cost more than it takes, as two threads that both run Python mostly wait for each other. What
takes long and leaves the interpreter alone is on a thread: the commit with its flush, and waiting
for another process that writes. Meanwhile the loop goes on, and the next bodies gather.

A body that raises must be undone alone. Nearly none do, or not after they have changed something,
so savepoints are taken only when one has: the batch is then rolled back and run again with them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lemnos.kernel.errors import LemnosError
from lemnos.platform.db.after_commit import call_back
from lemnos.platform.db.errors import DatabaseUnavailable
from lemnos.platform.db.port import Tx
from lemnos.platform.db.sqlite_tx import SqliteTx, translated

log = logging.getLogger(__name__)

Body = Callable[[Tx], Awaitable[Any]]
BATCH_LIMIT = 64  # bodies to a commit: bounds how long the loop is kept from everything else
_PATIENCE = 10_000  # milliseconds that a transaction waits for another process to end its own


class _Job:
    """A body and, once it ran, what became of it."""

    __slots__ = ("body", "callbacks", "error", "future", "result")

    def __init__(self, body: Body, future: asyncio.Future[Any]) -> None:
        self.body = body
        self.future = future
        self.callbacks: list[Callable[[], None]] = []
        self.result: Any = None
        self.error: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.result = None
        self.callbacks = []


class Writer:
    """Runs submitted bodies in order. ``failed`` tells whether the last commit failed."""

    def __init__(self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._queue: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, "sqlite-commit")
        self._working: asyncio.Task[None] | None = None
        self._closing = False
        self.failed = False

    def start(self) -> None:
        """Let a transaction that finds another process writing fail at once: see :meth:`_begin`."""
        self._connection.execute("PRAGMA busy_timeout = 0")

    def submit(self, body: Body) -> asyncio.Future[Any]:
        """Queue a body. The future ends once its transaction is durable or has failed."""
        if self._closing:
            raise DatabaseUnavailable("The database is closed.")
        future = self._loop.create_future()
        self._queue.append(_Job(body, future))
        if self._working is None:
            # As a task it begins after what is ready on the loop now, which may submit as well.
            self._working = self._loop.create_task(self._work(), name="sqlite-writer")
        return future

    async def stop(self) -> None:
        """Run what was submitted, then close the connection."""
        if self._closing:
            return
        self._closing = True
        if self._working is not None:
            await self._working
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    async def _work(self) -> None:
        """Run batch after batch until nothing waits."""
        while self._queue:
            jobs: list[_Job] = []
            try:
                await self._run_batch(jobs)
                self.failed = False
            except sqlite3.Error as error:
                self.failed = True
                jobs = jobs or [self._queue.popleft()]
                self._abandon(jobs, error)
            settle(jobs)
        self._working = None

    async def _run_batch(self, jobs: list[_Job]) -> None:
        """Run those that wait, moved to ``jobs``, in one transaction."""
        await self._begin()
        while self._queue and len(jobs) < BATCH_LIMIT:
            jobs.append(self._queue.popleft())
            if not self._ran_cleanly(jobs[-1]):
                await self._run_again(jobs)
                break
        await self._in_thread("COMMIT")

    async def _begin(self) -> None:
        """Begin at once, or wait on the thread while another process writes."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
            try:
                await self._in_thread("BEGIN IMMEDIATE")
            finally:
                self._connection.execute("PRAGMA busy_timeout = 0")

    async def _in_thread(self, statement: str) -> None:
        await self._loop.run_in_executor(self._thread, self._connection.execute, statement)

    def _ran_cleanly(self, job: _Job) -> bool:
        """Run a body; False when it raised and left changes behind."""
        before = self._connection.total_changes
        self._run(job)
        return job.error is None or self._connection.total_changes == before

    async def _run_again(self, jobs: list[_Job]) -> None:
        """Undo the batch, and run each of its bodies in a savepoint of its own."""
        connection = self._connection
        connection.execute("ROLLBACK")
        await self._begin()
        for job in jobs:
            connection.execute("SAVEPOINT body")
            self._run(job)
            if job.error is not None:
                connection.execute("ROLLBACK TO body")
            connection.execute("RELEASE body")

    def _run(self, job: _Job) -> None:
        """Run a body, and keep what came of it in the job."""
        tx = SqliteTx(self._connection)
        job.error = None
        try:
            job.result = drive(job.body(tx))
            tx.finish()
            job.callbacks = tx.callbacks
        except BaseException as error:  # the others of the batch must not suffer from it
            job.fail(error)
            if not self._connection.in_transaction:
                # A full disk and some other failures make SQLite roll back everything.
                raise sqlite3.OperationalError(str(error)) from error

    def _abandon(self, jobs: list[_Job], cause: sqlite3.Error) -> None:
        """Fail all jobs of a batch that could not be committed, but those that had failed."""
        log.error("a batch of %d transactions was rolled back: %s", len(jobs), cause)
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("the rollback failed too: %s", error)
        told = translated(cause)
        message = told.message if isinstance(told, LemnosError) else str(told)
        for job in jobs:
            if job.error is None:
                job.fail(DatabaseUnavailable(message, retry_after=1.0))


def drive(awaitable: Awaitable[Any]) -> Any:
    """Run a body to its end, here and now. Raises ``RuntimeError`` when it suspends."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as end:
        return end.value
    steps.throw(
        RuntimeError("The body of a transaction awaited something other than its transaction.")
    )
    raise RuntimeError("The body of a transaction went on after it had been refused to wait.")


def settle(jobs: list[_Job]) -> None:
    """Tell the waiting callers. A caller that was cancelled changes nothing."""
    for job in jobs:
        call_back(job.callbacks)
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
