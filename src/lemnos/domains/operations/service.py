"""Use cases of operations. Those that change something run in the caller's transaction."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from typing import Any

from lemnos.domains.operations import events
from lemnos.domains.operations.model import Kind, Operation, Status
from lemnos.domains.operations.ports import Work
from lemnos.domains.operations.store import OperationStore
from lemnos.engine import Engine, Job
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, NotFound
from lemnos.kernel.page import Page
from lemnos.platform.db import Tx
from lemnos.platform.events.port import Event, EventLog

_RECHECK = 2.0  # seconds after which a waiter looks again, should a wake-up be lost


def job_kind(kind: Kind) -> str:
    """The kind of the jobs that carry out such operations."""
    return f"operation.{kind.value}"


class OperationService:
    """Draft, start, follow, cancel and list operations.

    ``works`` is shared with the job, which looks up in it who carries out a kind; ``stop`` ends
    the work of an operation that runs on this node.
    """

    def __init__(
        self,
        store: OperationStore,
        log: EventLog,
        engine: Engine,
        works: dict[Kind, Work],
        stop: Callable[[str], None],
    ) -> None:
        self._store = store
        self._log = log
        self._engine = engine
        self._works = works
        self._stop = stop

    def register(self, kind: Kind, work: Work) -> None:
        """Say who carries out operations of a kind, before the engine starts."""
        self._works[kind] = work

    def draft(self, ctx: Context, kind: Kind, request: Mapping[str, Any]) -> Operation:
        """An operation that is not stored yet; what is asked for was checked by the caller."""
        return Operation(
            id=ids.new_operation_id(),
            tenant=ctx.tenant,
            created_by=ctx.principal.subject,
            kind=kind,
            status=Status.PENDING,
            request=request,
            created_at=clock.now(),
            trace_id=ctx.trace_id or ids.new_trace_id(),
        )

    async def start(self, tx: Tx, ctx: Context, operation: Operation) -> Operation:
        """Store a drafted operation; its work begins once this is durable."""
        self._store.add(tx, operation)
        payload = {"operation_id": operation.id, "trace_id": operation.trace_id}
        job = Job(operation.id, job_kind(operation.kind), ctx.tenant, payload)
        await self._engine.enqueue(tx, job)
        return operation

    async def get(self, ctx: Context, operation_id: str) -> Operation:
        """An operation of the caller's tenant. ``NotFound`` with code ``task_not_found``."""
        return _found(operation_id, await self._store.get(ctx.tenant, operation_id))

    async def cancel(self, tx: Tx, ctx: Context, operation_id: str) -> Operation:
        """Ask an operation to end; one that waits ends at once.

        ``Conflict`` with code ``task_state`` for one that has ended. What runs on this node is
        ended when the transaction is durable, on other nodes when they hear of it: by the event,
        or by a look once a second.
        """
        operation = _found(operation_id, await self._store.get(ctx.tenant, operation_id, tx))
        if operation.ended:
            message = f"The task is {operation.status} already."
            details = {"status": operation.status.value}
            raise Conflict(message, code="task_state", details=details)
        operation = replace(operation, cancel_requested_at=clock.now())
        told = [events.cancel_requested(ctx.principal.subject)]
        if await self._engine.cancel(tx, operation.id):
            operation = replace(operation, status=Status.CANCELLED, ended_at=clock.now())
            told.append(events.ended(operation))
        else:
            tx.after_commit(lambda: self._stop(operation_id))
        await self._store.change(
            tx,
            operation,
            status=operation.status,
            cancel_requested_at=operation.cancel_requested_at,
            ended_at=operation.ended_at,
        )
        await self._log.append(tx, ctx.tenant, events.stream_of(operation_id), told)
        return operation

    async def wait(self, ctx: Context, operation_id: str, timeout: float) -> Operation:
        """Wait until the operation has ended, or for so many seconds; it as it is then."""
        subscription = self._log.subscribe(events.stream_of(operation_id))
        ends = time.monotonic() + timeout
        try:
            while True:
                seen = _found(operation_id, await self._store.glance(ctx.tenant, operation_id))
                left = ends - time.monotonic()
                if seen.ended or left <= 0:
                    return await self.get(ctx, operation_id)
                await subscription.changed(min(left, _RECHECK))
        finally:
            subscription.close()

    async def follow(
        self, ctx: Context, operation_id: str, after: int = 0
    ) -> AsyncGenerator[Event, None]:
        """Its events behind a sequence number, as they come, to the last one.

        Leave by closing the generator (``aclosing``).
        """
        await self.get(ctx, operation_id)
        stream = events.stream_of(operation_id)
        subscription = self._log.subscribe(stream)
        try:
            while True:
                for event in await self._log.read(stream, after):
                    after = event.seq
                    yield event
                    if event.name == events.ENDED:
                        return
                # One who has had the last event already hears of no other.
                if (await self.get(ctx, operation_id)).ended:
                    if not await self._log.read(stream, after, 1):
                        return
                    continue
                await subscription.changed(_RECHECK)
        finally:
            subscription.close()

    async def last_event(self, operation_id: str) -> int:
        """The sequence number of the newest event in its stream."""
        return await self._log.head(events.stream_of(operation_id))

    async def page(
        self,
        ctx: Context,
        *,
        kind: str = "",
        status: str = "",
        limit: int = 50,
        offset: int = 0,
        after: str = "",
    ) -> Page[Operation]:
        """The tenant's operations without their results, the newest first.

        ``after`` is the ``next_key`` of the page before.
        """
        return await self._store.page(
            ctx.tenant, kind=kind, status=status, limit=limit, offset=offset, after=after
        )


def _found(operation_id: str, operation: Operation | None) -> Operation:
    if operation is None:
        raise NotFound(f"There is no task {operation_id}.", code="task_not_found")
    return operation
