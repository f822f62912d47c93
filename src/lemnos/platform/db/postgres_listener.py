"""LISTEN on a connection of its own, taken up again whenever it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from lemnos.platform.db.postgres_pool import connect

log = logging.getLogger(__name__)

Heard = Callable[[str | None], None]
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between attempts to connect
_PROBE = 20.0  # seconds between signs of life: a dead peer does not close its connection


class Listener:
    """Holds the callbacks of channels, and one connection while there are any."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._heard: dict[str, list[Heard]] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def listen(self, channel: str, heard: Heard) -> Callable[[], None]:
        """Call back on notifications, with None after each gap. Returns what ends it."""
        self._heard.setdefault(channel, []).append(heard)
        self._changed.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return lambda: self._forget(channel, heard)

    async def stop(self) -> None:
        """End the connection; no callback comes any more."""
        self._heard.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _forget(self, channel: str, heard: Heard) -> None:
        if heard in self._heard.get(channel, ()):
            self._heard[channel].remove(heard)

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen_until_lost()
                pause = _FIRST_PAUSE
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("not listening to notifications at the moment: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _listen_until_lost(self) -> None:
        connection = await connect(self._dsn)
        connection.add_termination_listener(lambda _: self._changed.set())
        listening: set[str] = set()
        try:
            while not connection.is_closed():
                self._changed.clear()
                for channel in self._heard.keys() - listening:
                    await connection.add_listener(channel, self._notified)
                    listening.add(channel)
                    self._tell(channel, None)
                await self._wait_or_probe(connection)
        finally:
            connection.terminate()

    async def _wait_or_probe(self, connection: Any) -> None:
        try:
            async with asyncio.timeout(_PROBE):
                await self._changed.wait()
        except TimeoutError:
            await connection.fetchval("SELECT 1", timeout=_PROBE)

    def _notified(self, _connection: Any, _pid: int, channel: str, payload: Any) -> None:
        self._tell(channel, payload)

    def _tell(self, channel: str, payload: str | None) -> None:
        for heard in tuple(self._heard.get(channel, ())):
            try:
                heard(payload)
            except Exception:
                log.exception("a listener to %s failed", channel)
