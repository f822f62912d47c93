"""Wake-ups between nodes by the publish/subscribe of Redis or Valkey."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from lemnos.platform.events.wake_message import opened, packed

log = logging.getLogger(__name__)

_CHANNEL = "lemnos:events"
_LONGEST = 1 << 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0  # seconds between attempts to connect

Heard = Callable[[Sequence[str] | None], None]


class RedisBroadcast:
    """One connection to publish and one to hear, taken up again whenever it is lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._node = uuid.uuid4().hex
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, heard: Heard) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        from redis.asyncio import Redis  # takes 100 ms to import, and most servers do without

        self._client = Redis.from_url(self._url, socket_keepalive=True, health_check_interval=20)
        self._task = asyncio.get_running_loop().create_task(self._run(heard))

    async def send(self, streams: Sequence[str]) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        for payload in packed(streams, self._node, _LONGEST):
            await self._client.publish(_CHANNEL, payload)

    async def stop(self) -> None:
        """See :class:`~lemnos.platform.events.notifier.Broadcast`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _run(self, heard: Heard) -> None:
        from redis.exceptions import RedisError

        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(_CHANNEL)
                    async for message in channel.listen():
                        pause = _FIRST_PAUSE
                        self._received(message, heard)
            except (OSError, RedisError) as error:
                log.warning("not listening to other nodes at the moment: %s", error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _received(self, message: dict[str, Any], heard: Heard) -> None:
        if message["type"] == "subscribe":
            heard(None)  # whatever was published before is lost to us
        elif message["type"] == "message":
            streams = opened(message["data"], self._node)
            if streams:
                heard(streams)
