"""The one thread that writes to SQLite: many transactions to one commit, so to one fsync.

SQLite allows one writer at a time, and a durable commit costs a disk flush. So bodies queue for
one thread, which runs those that wait inside a single ``BEGIN IMMEDIATE … COMMIT`` and tells the
event loop of all of them at once after the commit. Under load the flush is shared; when idle a
body waits for nobody.

A body that raises must be undone alone. Nearly none do, or not after they have changed something,
so savepoints are taken only when one has: the batch is then rolled back and run again with them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from queue import Empty, SimpleQueue
from typing import Any

from lemnos.kernel.errors import LemnosError
from lemnos.platform.db.after_commit import call_back
from lemnos.platform.db.errors import DatabaseUnavailable
from lemnos.platform.db.port import Tx
from lemnos.platform.db.sqlite_tx import SqliteTx, translated

log = logging.getLogger(__name__)

Body = Callable[[Tx], Awaitable[Any]]
BATCH_LIMIT = 256  # bodies to a commit: bounds how long the first of them waits for the last


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
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="sqlite-writer", daemon=True)
        self.failed = False

    def start(self) -> None:
        """Begin to take bodies."""
        self._thread.start()

    def submit(self, body: Body) -> asyncio.Future[Any]:
        """Queue a body. The future ends once its transaction is durable or has failed."""
        if self._closing:
            raise DatabaseUnavailable("The database is closed.")
        future = self._loop.create_future()
        self._queue.put(_Job(body, future))
        return future

    async def stop(self) -> None:
        """Run what was submitted, then end the thread and close its connection."""
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # --- in the thread -----------------------------------------------------------------------

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs: list[_Job] = []
            try:
                self._run_batch(job, jobs)
                self.failed = False
            except sqlite3.Error as error:
                self.failed = True
                self._abandon(jobs or [job], error)
                jobs = jobs or [job]
            self._hand_over(jobs)
        self._connection.close()

    def _run_batch(self, first: _Job, jobs: list[_Job]) -> None:
        """Run the job and those that wait behind it, collected in ``jobs``, in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        job: _Job | None = first
        while job is not None:
            jobs.append(job)
            if not self._ran_cleanly(job):
                self._run_again(jobs)
                break
            job = self._next() if len(jobs) < BATCH_LIMIT else None
        self._connection.execute("COMMIT")

    def _ran_cleanly(self, job: _Job) -> bool:
        """Run a body; False when it raised and left changes behind."""
        before = self._connection.total_changes
        self._run(job)
        return job.error is None or self._connection.total_changes == before

    def _run_again(self, jobs: list[_Job]) -> None:
        """Undo the batch, and run each of its bodies in a savepoint of its own."""
        connection = self._connection
        connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            connection.execute("SAVEPOINT body")
            self._run(job)
            if job.error is not None:
                connection.execute("ROLLBACK TO body")
            connection.execute("RELEASE body")

    def _next(self) -> _Job | None:
        try:
            job = self._queue.get_nowait()
        except Empty:
            return None
        if job is None:  # the end: keep it for the outer loop, nothing comes after it
            self._queue.put(None)
        return job

    def _run(self, job: _Job) -> None:
        """Run a body, and keep what came of it in the job."""
        tx = SqliteTx(self._connection)
        job.error = None
        try:
            job.result = drive(job.body(tx))
            tx.finish()
            job.callbacks = tx.callbacks
        except BaseException as error:  # the thread must survive whatever a body raises
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

    def _hand_over(self, jobs: list[_Job]) -> None:
        try:
            self._loop.call_soon_threadsafe(settle, jobs)
        except RuntimeError:  # the loop is closed: nobody waits for these results any more
            log.warning("the event loop ended before %d transactions were reported", len(jobs))


def drive(awaitable: Awaitable[Any]) -> Any:
    """Run a body to its end on this thread. Raises ``RuntimeError`` when it suspends."""
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
    """Tell the waiting callers, on their loop. A caller that was cancelled changes nothing."""
    for job in jobs:
        call_back(job.callbacks)
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
