"""DBOS Transact as the recorder of steps, in a thread and an event loop of its own.

A job is one DBOS workflow whose id is the job's. The handler and the calls of its steps run on
the application's loop; what DBOS does around them (a few short transactions a step) runs here,
so that neither waits for the other. Which jobs run, when and where is not DBOS's business: its
own recovery finds nothing, as each process is an executor of its own, and its queues hold
nothing but what this process takes up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID
from dbos import error as dbos_errors

from lemnos.engine.model import Unrecorded
from lemnos.engine.port import JobLost
from lemnos.kernel.errors import Unavailable

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
_log = logging.getLogger("dbos")
Body = Callable[[contextvars.Context], Coroutine[Any, Any, bool]]

APPLICATION = "lemnos"
# Constant: DBOS's default, a hash of the source, would strand all work at each deployment.
APPLICATION_VERSION = "1"
_WORKFLOW = "lemnos.job"
_ENDED_IN_DBOS = ("SUCCESS", "ERROR")
_THREADS = 8
_LOCK = 5062002  # a number of ours: one launch at a time
_LOCK_POLL = 0.05  # seconds
_RESUME_POLL = 0.5  # seconds until a job that is taken up again starts
_QUIET = 0.5  # seconds; DBOS's listener sleeps so long, also when it is told to end


class JsonSerializer(Serializer):
    """JSON instead of DBOS's default, pickle, which runs code when it is read."""

    def serialize(self, data: Any) -> str:
        """The value as JSON; what JSON does not know becomes its ``repr``."""
        return msgspec.json.encode(data, enc_hook=repr).decode()

    def deserialize(cls, serialized_data: str) -> Any:  # noqa: N805 - as in the base class
        """The value again."""
        return msgspec.json.decode(serialized_data)

    def name(self) -> str:
        """Stored with each value."""
        return "json"


@dataclass(slots=True)
class _Run:
    body: Body
    ended: asyncio.Future[None]


class Durable:
    """One process's DBOS. There can be one at a time, as DBOS is global to a process.

    ``url`` is SQLAlchemy's: ``sqlite:///…`` or ``postgresql://…``; ``executor`` names this
    process's life and is never used twice.
    """

    def __init__(self, url: str, executor: str) -> None:
        self._url = url.replace("postgres://", "postgresql://", 1)  # SQLAlchemy knows but one
        self._executor = executor
        self._runs: dict[str, _Run] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._application: asyncio.AbstractEventLoop | None = None
        self._workflow: Callable[[str], Coroutine[Any, Any, None]] | None = None

    async def start(self) -> None:
        """Open (and migrate, if need be) DBOS's tables. Handlers will run on this loop.

        Raises ``Unavailable`` when that fails.
        """
        self._application = asyncio.get_running_loop()
        self._thread.start()
        try:
            await self._there(self._launch())
        except Exception as error:
            raise Unavailable(f"The engine cannot open its records: {error}") from error

    async def stop(self) -> None:
        """End DBOS and its threads; steps that still run are not recorded."""
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    async def run(self, job_id: str, body: Body) -> None:
        """Run a job's body on the application's loop, with the steps that are recorded for it.

        The body returns whether the job has ended for good. Returns when the body has.
        """
        await self._there(self._run(job_id, body))

    async def step(
        self, context: contextvars.Context, name: str, call: Callable[[], Awaitable[str]]
    ) -> str:
        """The recorded result of a step, or that of the call, recorded before it is returned.

        ``context`` is the one that the body was given. Raises ``JobLost`` when the record is
        refused, as another process has taken up the job.
        """
        try:
            return await self._there(self._step(context, name, call))
        except dbos_errors.DBOSWorkflowConflictIDError as refused:
            raise JobLost(str(refused)) from None

    async def forget(self, job_ids: Sequence[str]) -> None:
        """Delete the records of ended jobs."""
        await self._there(DBOS.delete_workflows_async(list(job_ids)))

    async def executors(self) -> set[str]:
        """The processes that have registered a queue, living or dead."""
        return {queue.name for queue in await self._there(DBOS.list_queues_async())}

    async def forget_executor(self, executor: str) -> None:
        """Delete the queue of a process that is no more."""
        await self._there(DBOS.delete_queue_async(executor))

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _here(self, work: Coroutine[Any, Any, T]) -> T:
        assert self._application is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._application))

    async def _launch(self) -> None:
        # Blocks this loop, which has nothing else to do yet; the application's goes on.
        _log.setLevel(logging.WARNING)
        _log.addHandler(logging.NullHandler())  # having one, DBOS adds none: all goes to the root
        _prepare(self._url)
        DBOS(config=self._config())

        @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
        async def workflow(job_id: str) -> None:
            await self._perform(job_id)

        self._workflow = workflow
        DBOS.listen_queues([self._executor])
        with _alone(self._url):
            DBOS.launch()

    def _config(self) -> DBOSConfig:
        return {
            "name": APPLICATION,
            "system_database_url": self._url,
            "application_version": APPLICATION_VERSION,
            "executor_id": self._executor,
            "max_executor_threads": _THREADS,
            "sys_db_pool_size": _THREADS,
            "use_listen_notify": False,  # nothing here waits for DBOS's events
            "notification_listener_polling_interval_sec": _QUIET,
            "scheduler_polling_interval_sec": 3600.0,
            "log_level": "WARNING",
            "enable_otlp": False,
            "serializer": JsonSerializer(),
        }

    async def _run(self, job_id: str, body: Body) -> None:
        run = self._runs[job_id] = _Run(body, self._loop.create_future())
        try:
            await self._begin(job_id)
            await run.ended
        finally:
            if self._runs.get(job_id) is run:
                del self._runs[job_id]

    async def _begin(self, job_id: str) -> None:
        assert self._workflow is not None
        try:
            with SetWorkflowID(job_id, workflow_id_reuse_policy="reject"):
                await DBOS.start_workflow_async(self._workflow, job_id)
        except dbos_errors.DBOSWorkflowIDInUseError as known:
            if known.workflow_status in _ENDED_IN_DBOS:
                # The job's row says otherwise, as after restoring one database and not the other.
                await DBOS.delete_workflow_async(job_id)
                await self._begin(job_id)
            else:
                await self._resume(job_id)

    async def _resume(self, job_id: str) -> None:
        """Have the workflow given to this process, by way of a queue that only it listens to."""
        # Each time, as others may have tidied it away if this node was taken for dead.
        await DBOS.register_queue_async(
            self._executor, polling_interval_sec=_RESUME_POLL, on_conflict="never_update"
        )
        # From here on the records of an earlier run that is still alive are refused.
        await DBOS.resume_workflow_async(job_id, queue_name=self._executor)

    async def _perform(self, job_id: str) -> None:
        run = self._runs.get(job_id)
        if run is None:
            raise Unrecorded
        try:
            ended = await self._here(run.body(contextvars.copy_context()))
        except Exception as error:
            raise Unrecorded from error
        finally:
            if not run.ended.done():
                run.ended.set_result(None)
        if not ended:
            raise Unrecorded

    async def _step(
        self, context: contextvars.Context, name: str, call: Callable[[], Awaitable[str]]
    ) -> str:
        async def there() -> str:
            return await self._here(_awaited(call))

        # A copy for each, as steps may run side by side; the count of steps in it is shared.
        step = self._loop.create_task(
            DBOS.run_step_async({"name": name}, there), context=context.copy()
        )
        return await step


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()


@contextlib.contextmanager
def _alone(url: str) -> Iterator[None]:
    """PostgreSQL: one node after the other brings DBOS's tables up to date.

    DBOS does not see to that, and two that do it at once get into each other's way, for good.
    """
    if url.startswith("sqlite"):
        yield
        return
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        # Polled: waiting for the lock inside the database would hold a snapshot, and the other
        # node's CREATE INDEX CONCURRENTLY waits until there is none.
        while not _locked(connection):
            time.sleep(_LOCK_POLL)
        yield


def _locked(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    return row is not None and bool(row[0])


def _prepare(url: str) -> None:
    """SQLite: a write-ahead log, so that readers and the writer do not wait for each other."""
    if not url.startswith("sqlite"):
        return
    import sqlite3

    path = Path(url.removeprefix("sqlite:///"))
    connection = sqlite3.connect(path, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
