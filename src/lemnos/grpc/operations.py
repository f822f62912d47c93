"""Operations as calls: begun, waited for, or followed for as long as the call lasts."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from lemnos.domains.operations.model import Operation, Status
from lemnos.domains.operations.service import OperationService
from lemnos.grpc.admission import Rpc
from lemnos.kernel.context import Context
from lemnos.kernel.errors import LemnosError
from lemnos.platform.db import Tx
from lemnos.platform.execute import Door

TASK_ID = "x-task-id"  # in the initial metadata


class Operations:
    """``leaving`` says whether the server stops, which ends calls but not what they began."""

    def __init__(
        self, door: Door, operations: OperationService, leaving: Callable[[], bool]
    ) -> None:
        self._door = door
        self._operations = operations
        self._leaving = leaving
        self.follow = operations.follow

    async def begin(self, ctx: Context, rpc: Rpc, operation: Operation) -> None:
        """Start a drafted operation, and tell the client by which id it is found."""

        async def work(tx: Tx) -> Operation:
            return await self._operations.start(tx, ctx, operation)

        action = f"{operation.kind.value}.start"
        await self._door.do(ctx, action, work, target=operation.id, detail=operation.request)
        await rpc.send_initial_metadata(((TASK_ID, operation.id),))

    async def result(self, ctx: Context, operation: Operation) -> Mapping[str, Any]:
        """Wait for the end and give the result, with the id. Raises what it failed with."""
        ended = await self._operations.wait(ctx, operation.id, math.inf)
        if ended.status is not Status.COMPLETED:
            raise ended.failure
        return {**(ended.result or {}), "task_id": operation.id}

    @asynccontextmanager
    async def bound(self, ctx: Context, operation: Operation) -> AsyncIterator[None]:
        """Cancel the operation when the call ends before it: its client has left, or must."""
        try:
            yield
        except BaseException:
            if not self._leaving():
                with suppress(LemnosError):  # it has ended, or nobody can tell for the moment
                    await self._cancel(ctx, operation)
            raise

    async def _cancel(self, ctx: Context, operation: Operation) -> None:
        async def work(tx: Tx) -> Operation:
            return await self._operations.cancel(tx, ctx, operation.id)

        await self._door.do(ctx, f"{operation.kind.value}.cancel", work, target=operation.id)
