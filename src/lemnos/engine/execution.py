"""One run of one job: what its handler sees, and what becomes of the job."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from lemnos.engine import store
from lemnos.engine.codec import pack_error, pack_result, unpack
from lemnos.engine.model import Claim, Kind, Unrecorded
from lemnos.engine.port import JobLost
from lemnos.kernel import clock
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Database, Tx

if TYPE_CHECKING:
    from lemnos.engine.durable import Durable

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LONGEST_ERROR = 2000
_OUTAGE_POLL = 1.0  # seconds


class Execution:
    """The :class:`~lemnos.engine.port.Steps` of one run.

    ``hold`` returns once this node may be sure that its jobs are still its own.
    """

    def __init__(
        self,
        claim: Claim,
        durable: Durable,
        context: contextvars.Context,
        hold: Callable[[], Awaitable[None]],
    ) -> None:
        self.job = claim.job
        self.recovered = claim.cut_off
        self.recorded: LemnosError | None = None  # the last error that a replay raises again
        self._claim = claim
        self._durable = durable
        self._context = context
        self._hold = hold
        self._calls: set[asyncio.Task[object]] = set()
        self._failure: BaseException | None = None

    async def run(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """See :class:`~lemnos.engine.port.Steps`."""
        await self._hold()
        if self._failure is not None:
            raise self._failure  # a record after a gap would not be found on replay
        text = await self._recorded(name, call)
        try:
            result: T = unpack(text)
        except LemnosError as error:
            self.recorded = error
            raise
        return result

    async def fence(self, tx: Tx) -> None:
        """See :class:`~lemnos.engine.port.Steps`."""
        if not await store.owned(tx, self._claim):
            raise JobLost(f"The job {self.job.id} has gone to another node.")

    async def settle(self) -> None:
        """Wait until the calls of a cancelled handler have ended too."""
        if self._calls:
            await asyncio.wait(self._calls)

    async def _recorded(self, name: str, call: Callable[[], Awaitable[object]]) -> str:
        try:
            return await self._durable.step(self._context, name, lambda: self._call(call))
        except Unrecorded as stopped:
            self._failure = stopped.__cause__ or stopped
            raise self._failure from None
        except Exception as error:
            self._failure = error
            raise

    async def _call(self, call: Callable[[], Awaitable[T]]) -> str:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        try:
            return pack_result(await call())
        except Unavailable as error:
            raise Unrecorded from error
        except LemnosError as error:
            return pack_error(error)
        except Exception as error:
            raise Unrecorded from error
        finally:
            self._calls.discard(task)


class Runner:
    """Runs claims to their end and writes down what became of them."""

    def __init__(
        self, database: Database, durable: Durable, hold: Callable[[], Awaitable[None]]
    ) -> None:
        self._database = database
        self._durable = durable
        self._hold = hold
        self._bodies: set[asyncio.Task[object]] = set()
        self._closed = False

    async def run(self, claim: Claim, kind: Kind) -> None:
        """Run a job once. Returns when it has ended, waits for its next try, or was cut off."""

        async def body(context: contextvars.Context) -> bool:
            return await self._body(claim, kind, context)

        try:
            await self._durable.run(claim.job.id, body)
        except Exception as error:
            await self._postpone(claim, kind, error)

    def cut_off(self, *, close: bool) -> None:
        """Cancel what runs; ``close``: and let nothing begin any more."""
        self._closed = close
        for task in self._bodies:
            task.cancel()

    async def _body(self, claim: Claim, kind: Kind, context: contextvars.Context) -> bool:
        if self._closed:
            return False
        task = asyncio.current_task()
        assert task is not None
        self._bodies.add(task)
        try:
            return await self._carry_out(claim, kind, context)
        except Exception as error:
            await self._postpone(claim, kind, error)
            return False
        finally:
            self._bodies.discard(task)

    async def _carry_out(self, claim: Claim, kind: Kind, context: contextvars.Context) -> bool:
        """Whether the job has ended for good."""
        task = asyncio.current_task()
        assert task is not None
        steps = Execution(claim, self._durable, context, self._hold)
        try:
            await kind.handler(steps)
        except asyncio.CancelledError:
            await steps.settle()
            return False
        except JobLost:
            _log.warning("the job %s has gone to another node", claim.job.id)
            return False
        except Exception as error:
            if task.cancelling():
                return False  # it failed because it was cut off
            return await self._failed(claim, kind, error, final=error is steps.recorded)
        return await self._settled(lambda tx: store.set_done(tx, claim, clock.now()))

    async def _failed(self, claim: Claim, kind: Kind, error: Exception, *, final: bool) -> bool:
        message = describe(error)
        tries = claim.attempts + 1
        if not final and tries < kind.retry.attempts:
            _log.warning("the job %s will be tried again: %s", claim.job.id, message)
            again_at = clock.now() + int(kind.retry.delay(tries) * clock.SECOND)
            await self._settled(lambda tx: store.set_retry(tx, claim, message, again_at))
            return False
        _log.warning("the job %s has failed: %s", claim.job.id, message, exc_info=not final)
        return await self._settled(lambda tx: _fail(tx, claim, kind, message))

    async def _postpone(self, claim: Claim, kind: Kind, error: Exception) -> None:
        """Something but the handler is broken, such as ``on_failed``: try all of it again later."""
        _log.error("the job %s could not be settled", claim.job.id, exc_info=error)
        again_at = clock.now() + int(kind.retry.longest * clock.SECOND)
        await self._settled(lambda tx: store.set_retry(tx, claim, describe(error), again_at))

    async def _settled(self, body: Callable[[Tx], Awaitable[bool]]) -> bool:
        """Write the outcome down, however long the database is away."""
        while True:
            try:
                return await self._database.write(body)
            except Unavailable:
                await asyncio.sleep(_OUTAGE_POLL)


async def _fail(tx: Tx, claim: Claim, kind: Kind, message: str) -> bool:
    if not await store.set_failed(tx, claim, message, clock.now()):
        return False
    if kind.on_failed is not None:
        await kind.on_failed(tx, claim.job, message)
    return True


def describe(error: BaseException) -> str:
    """An error as one text for people."""
    text = error.message if isinstance(error, LemnosError) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST_ERROR]
