"""The engine: registration, the transactional outbox, and the life of this node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lemnos.engine import store
from lemnos.engine.model import Kind
from lemnos.engine.node import Node
from lemnos.engine.port import DEFAULT_RETRY, Handler, Job, OnFailed, QueueLimits, Retry
from lemnos.kernel import clock
from lemnos.kernel.ids import new_uuid
from lemnos.platform.db import Database, Tx

if TYPE_CHECKING:
    from lemnos.engine.durable import Durable

DEFAULT_QUEUES = (QueueLimits("default", 4),)


class DurableEngine:
    """See :class:`~lemnos.engine.port.Engine`.

    ``records`` is the URL where DBOS records steps: ``sqlite:///…/engine.db``, or that of the
    application's PostgreSQL, where it keeps to the schema ``dbos``. ``node`` is this node's name,
    the same after a restart and different from any other node's. ``patience``: seconds without a
    heartbeat after which a node is taken for dead. ``keep_days``: how long ended jobs are kept.
    """

    def __init__(
        self,
        database: Database,
        *,
        records: str,
        node: str = "local",
        queues: Sequence[QueueLimits] = DEFAULT_QUEUES,
        patience: float = 30.0,
        keep_days: float = 30.0,
    ) -> None:
        self._database = database
        self._records = records
        self._name = node
        self._lease = f"{node}:{new_uuid()}"  # names this process's life, never used again
        self._patience = patience
        self._keep_days = keep_days
        self._places = {limit.name: limit.concurrency for limit in queues}
        self._kinds: dict[str, Kind] = {}
        self._node: Node | None = None

    def register(
        self,
        kind: str,
        handler: Handler,
        *,
        queue: str = "default",
        retry: Retry = DEFAULT_RETRY,
        on_failed: OnFailed | None = None,
    ) -> None:
        """See :class:`~lemnos.engine.port.Engine`. Raises ``ValueError`` for an unknown queue."""
        if queue not in self._places:
            raise ValueError(f"There is no queue {queue}.")
        if kind in self._kinds:
            raise ValueError(f"The kind {kind} has a handler already.")
        self._kinds[kind] = Kind(handler, queue, retry, on_failed)

    async def enqueue(self, tx: Tx, job: Job) -> None:
        """See :class:`~lemnos.engine.port.Engine`. Raises ``KeyError`` for an unknown kind."""
        await store.insert_job(tx, job, self._kinds[job.kind].queue, clock.now())
        tx.after_commit(self._wake)

    async def cancel(self, tx: Tx, job_id: str) -> bool:
        """See :class:`~lemnos.engine.port.Engine`."""
        return await store.cancel_job(tx, job_id, clock.now())

    async def hasten(self, tx: Tx, job_id: str) -> bool:
        """See :class:`~lemnos.engine.port.Engine`."""
        tx.after_commit(self._wake)
        return await store.hasten_job(tx, job_id, clock.now())

    async def position(self, job_id: str) -> int | None:
        """See :class:`~lemnos.engine.port.Engine`."""
        return await store.position(self._database, job_id)

    async def ahead_of(self, kind: str, rank: int) -> int:
        """See :class:`~lemnos.engine.port.Engine`. Raises ``KeyError`` for an unknown kind."""
        return await store.ahead_of(self._database, self._kinds[kind].queue, rank)

    async def start(self) -> None:
        """See :class:`~lemnos.engine.port.Engine`."""
        durable = await asyncio.to_thread(_durable, self._records, self._lease)
        try:
            await durable.start()
            node = Node(
                self._database,
                durable,
                lease=self._lease,
                name=self._name,
                kinds=self._kinds,
                places=self._places,
                patience=self._patience,
                keep_days=self._keep_days,
            )
            await node.start()
        except BaseException:
            await durable.stop()
            raise
        self._node = node

    async def drain(self, timeout: float) -> None:
        """See :class:`~lemnos.engine.port.Engine`."""
        node, self._node = self._node, None
        if node is not None:
            await node.stop(timeout)

    def _wake(self) -> None:
        if self._node is not None:
            self._node.wake()


def _durable(records: str, lease: str) -> Durable:
    # DBOS takes most of a second to import: in a thread, and not before it is needed.
    from lemnos.engine.durable import Durable

    return Durable(records, lease)
