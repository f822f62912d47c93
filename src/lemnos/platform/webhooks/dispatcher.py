"""Sends what is due: claimed so that nodes don't send twice, in order for each endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from lemnos.kernel import clock
from lemnos.kernel.background import cancelled
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import LemnosError
from lemnos.platform.db import Database, Tx
from lemnos.platform.webhooks.destinations import Destinations, Nowhere
from lemnos.platform.webhooks.model import (
    CLAIM,
    TIMEOUT,
    Attempt,
    Delivery,
    State,
    delay,
    landed,
)
from lemnos.platform.webhooks.port import Answer, Sender
from lemnos.platform.webhooks.store import DeliveryStore

log = logging.getLogger(__name__)

_AT_ONCE = 16
_LONGEST_NAP = 30.0  # seconds: deliveries that other nodes stored are seen by then
_KEPT = 30 * 86_400 * SECOND


class Dispatcher:
    """One for each node."""

    def __init__(
        self, db: Database, store: DeliveryStore, destinations: Destinations, sender: Sender
    ) -> None:
        self._db = db
        self._store = store
        self._destinations = destinations
        self._sender = sender
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at once: something was stored."""
        self._woken.set()

    async def start(self) -> None:
        """Begin to send, first what an earlier process left."""
        self._task = asyncio.create_task(self._run(), name="webhook-dispatcher")

    async def stop(self) -> None:
        """Take nothing more; requests under way are finished."""
        if self._task is not None:
            await cancelled(self._task)
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def prune(self) -> int:
        """Forget what ended more than 30 days ago."""
        return await self._store.prune(clock.now() - _KEPT)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self._send_due()
                nap = await self._nap()
            except LemnosError as error:
                log.warning("webhook deliveries wait: %s", error.message)
                nap = 1.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await self._woken.wait()

    async def _send_due(self) -> None:
        free = _AT_ONCE - len(self._sending)
        for delivery in await self._store.due(clock.now(), free) if free else ():
            if await self._claimed(delivery):
                sending = asyncio.create_task(self._send(delivery))
                self._sending.add(sending)
                sending.add_done_callback(self._sent)

    async def _claimed(self, delivery: Delivery) -> bool:
        until = clock.now() + CLAIM
        return await self._db.write(lambda tx: self._store.claim(tx, delivery, until))

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            log.error("a webhook delivery could not be written down: %r", error)
        self.wake()

    async def _nap(self) -> float:
        soonest = await self._store.next_at()
        if soonest is None or len(self._sending) >= _AT_ONCE:
            return _LONGEST_NAP
        return min(max((soonest - clock.now()) / SECOND, 0.05), _LONGEST_NAP)

    async def _send(self, delivery: Delivery) -> None:
        now = clock.now()
        found = await self._destinations.of(delivery, now)
        number = delivery.attempts + 1
        if isinstance(found, Nowhere):
            await self._write(delivery, Attempt(number, 0, found.reason, 0.0, now), State.FAILED)
            return
        answer = await self._sender.post(found.url, delivery.body, found.headers, TIMEOUT)
        attempt = Attempt(number, answer.status, answer.problem, answer.duration_seconds, now)
        await self._note(delivery, attempt, answer)

    async def _note(self, delivery: Delivery, attempt: Attempt, answer: Answer) -> None:
        if landed(answer):
            await self._write(delivery, attempt, State.DELIVERED, answer)
        elif (wait := delay(attempt.number, answer)) is None:
            await self._write(delivery, attempt, State.FAILED, answer)
        else:
            next_at = clock.now() + int(wait * SECOND)
            await self._write(delivery, attempt, State.PENDING, answer, next_at)

    async def _write(
        self,
        delivery: Delivery,
        attempt: Attempt,
        state: State,
        answer: Answer | None = None,
        next_at: int | None = None,
    ) -> None:
        """Write down an attempt, and what the answer says of the endpoint."""
        now = clock.now()
        ended = None if state is State.PENDING else now

        async def body(tx: Tx) -> None:
            await self._store.note(tx, delivery, attempt, state, next_at or now, ended)
            if answer is not None:
                await self._destinations.noted(tx, delivery, answer)

        await self._db.write(body, retry_safe=True)
