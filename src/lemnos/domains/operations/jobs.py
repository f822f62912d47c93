"""The durable work of operations: whoever does a kind of them is called, watched and recorded."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lemnos.domains.operations import events
from lemnos.domains.operations.model import Kind, Operation, Status
from lemnos.domains.operations.ports import Work
from lemnos.domains.operations.store import OperationStore, encoded, packed
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.kernel.background import cancelled, patiently
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Kind as ErrorKind
from lemnos.kernel.errors import LemnosError
from lemnos.platform.db import Database, Tx
from lemnos.platform.events.port import EventLog
from lemnos.platform.execute import Door

_CANCEL_POLL = 1.0  # seconds until a cancel on another node is noticed, at most
_TELL = 0.5  # seconds between two notes of progress alone
_LONGEST_ERROR = 10_000  # characters


@dataclass(slots=True)
class _Running:
    """Work under way on this node; ``stopped``: as somebody cancelled the operation."""

    working: asyncio.Task[Mapping[str, Any]]
    stopped: bool = False


class OperationJob:
    """Carries out an operation. After a crash its work begins anew: only its end is recorded."""

    def __init__(
        self,
        db: Database,
        store: OperationStore,
        log: EventLog,
        door: Door,
        works: Mapping[Kind, Work],
    ) -> None:
        self._db = db
        self._store = store
        self._log = log
        self._door = door
        self._works = works
        self._running: dict[str, _Running] = {}

    def stop(self, operation_id: str) -> None:
        """End the work of an operation, if it runs on this node."""
        if (running := self._running.get(operation_id)) is not None:
            running.stopped = True
            running.working.cancel()

    async def __call__(self, steps: Steps) -> None:
        """Carry out the operation that the job names."""
        operation = await self._begin(steps)
        if operation is None:
            return
        try:
            result = await self._carry_out(steps, operation)
        except LemnosError as error:
            await self._end(steps, _failed(operation, error))
            return
        if result is None:
            await self._end(steps, replace(operation, status=Status.CANCELLED))
        else:
            done = replace(operation, status=Status.COMPLETED, progress=1.0, result=result)
            await self._end(steps, done)

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the operation must not be stuck."""
        operation = await self._store.get(job.tenant, job.payload["operation_id"], tx)
        if operation is not None and not operation.ended:
            await self._write_end(tx, _failed(operation, LemnosError(error)))

    async def _begin(self, steps: Steps) -> Operation | None:
        """The operation, running from now on; None when there is nothing left to do."""

        async def body(tx: Tx) -> Operation | None:
            await steps.fence(tx)
            operation = await self._current(steps, tx)
            if operation.ended:
                return None
            if operation.cancel_requested_at is not None:
                await self._write_end(tx, replace(operation, status=Status.CANCELLED))
                return None
            again = operation.started_at is not None
            operation = replace(
                operation,
                status=Status.RUNNING,
                started_at=operation.started_at or clock.now(),
            )
            await self._store.change(
                tx, operation, status=operation.status, started_at=operation.started_at
            )
            stream = events.stream_of(operation.id)
            told = events.started(operation, again=again)
            await self._log.append(tx, operation.tenant, stream, [told])
            return operation

        return await self._db.write(body)

    async def _carry_out(self, steps: Steps, operation: Operation) -> Mapping[str, Any] | None:
        """What the work came to; None when it was cancelled."""
        work = self._works[operation.kind]
        reports = _Reports(self._db, self._store, self._log, steps, operation)
        working = asyncio.ensure_future(_called(work, operation, reports))
        running = self._running[operation.id] = _Running(working)
        watch = asyncio.create_task(self._watch_for_cancel(operation))
        try:
            await asyncio.wait({working})
        finally:
            await cancelled(watch)
            working.cancel()
            await asyncio.wait({working})  # whatever it has started ends with it
            del self._running[operation.id]
        if running.stopped and (working.cancelled() or working.exception() is not None):
            return None
        if working.cancelled():
            raise RuntimeError("The work was cut off, and nobody had asked for that.")
        return working.result()

    async def _watch_for_cancel(self, operation: Operation) -> None:
        """Stop the work once its operation is to end: another node may have taken the request."""
        subscription = self._log.subscribe(events.stream_of(operation.id))
        try:
            while True:
                current = await patiently(
                    lambda: self._store.glance(operation.tenant, operation.id)
                )
                if current is None or current.cancel_requested_at is not None:
                    self.stop(operation.id)
                    return
                await subscription.changed(_CANCEL_POLL)
        finally:
            subscription.close()

    async def _end(self, steps: Steps, operation: Operation) -> None:
        """The end, its event and its audit entry, in one transaction."""
        context = system_context(operation.tenant, operation.id)
        action = f"{operation.kind.value}.end"
        content = b"" if operation.result is None else encoded(operation.result)
        detail = _audited(operation, content)

        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            if not (current := await self._current(steps, tx)).ended:
                progress = max(operation.progress, current.progress)
                await self._write_end(tx, replace(operation, progress=progress), content)

        await patiently(
            lambda: self._door.do(context, action, body, target=operation.id, detail=detail)
        )

    async def _write_end(self, tx: Tx, operation: Operation, content: bytes = b"") -> None:
        operation = replace(operation, stage="", ended_at=clock.now())
        values: dict[str, Any] = {
            "status": operation.status,
            "stage": operation.stage,
            "progress": operation.progress,
            "error": operation.error,
            "error_code": operation.error_code,
            "error_kind": operation.error_kind,
            "error_fields": operation.error_fields,
            "ended_at": operation.ended_at,
        }
        if content:
            values["result"] = packed(content)
        await self._store.change(tx, operation, **values)
        stream = events.stream_of(operation.id)
        await self._log.append(tx, operation.tenant, stream, [events.ended(operation)])

    async def _current(self, steps: Steps, tx: Tx) -> Operation:
        job = steps.job
        found = await self._store.get(job.tenant, job.payload["operation_id"], tx)
        if found is None:
            message = "The operation of this job does not exist."
            raise LemnosError(message, code="task_not_found")
        return found


class _Reports:
    """Writes down how far an operation is. Its work may report from several tasks at once."""

    def __init__(
        self, db: Database, store: OperationStore, log: EventLog, steps: Steps, operation: Operation
    ) -> None:
        self._db = db
        self._store = store
        self._log = log
        self._steps = steps
        self._operation = operation
        self._progress = operation.progress
        self._stage = operation.stage
        self._turn = asyncio.Lock()
        self._told = 0.0

    async def __call__(self, progress: float, name: str, data: Mapping[str, Any]) -> None:
        """See :data:`~lemnos.domains.operations.ports.Report`."""
        # Only its end is the whole: an operation that shows 1 is done.
        self._progress = max(self._progress, min(round(progress, 4), 0.99))
        self._stage = data.get("stage", self._stage)
        if not name and time.monotonic() - self._told < _TELL:
            return
        self._told = time.monotonic()
        async with self._turn:
            await patiently(lambda: self._db.write(lambda tx: self._write(tx, name, data)))

    async def _write(self, tx: Tx, name: str, data: Mapping[str, Any]) -> None:
        await self._steps.fence(tx)
        operation, stream = self._operation, events.stream_of(self._operation.id)
        await self._store.change(tx, operation, progress=self._progress, stage=self._stage)
        if name:
            told = events.reported(name, self._progress, data)
            await self._log.append(tx, operation.tenant, stream, [told])


async def _called(work: Work, operation: Operation, reports: _Reports) -> Mapping[str, Any]:
    return await work(operation, reports)


def _failed(operation: Operation, error: LemnosError) -> Operation:
    message = error.message.replace("\0", "\N{REPLACEMENT CHARACTER}")[:_LONGEST_ERROR]
    return replace(
        operation,
        status=Status.FAILED,
        error=message,
        error_code=error.code,
        error_kind=ErrorKind(error.kind).value,
        error_fields=error.fields,
    )


def _audited(operation: Operation, content: bytes) -> dict[str, object]:
    """What the audit log keeps of the end: the digest of the result, and the counts in it."""
    detail: dict[str, object] = {"status": operation.status.value}
    if operation.result is not None:
        detail |= {name: one for name, one in operation.result.items() if isinstance(one, int)}
        detail["result_sha256"] = hashlib.sha256(content).hexdigest()
    if operation.error_code:
        detail["code"] = operation.error_code
    return detail
