"""What the clients of every API are made of."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from lemnos_sdk._call import IO, Resource
from lemnos_sdk._transport import Async, Sync


class Client(Resource[IO]):
    """A client, whether its calls are awaited or not."""

    @property
    def base_url(self) -> str:
        """The root of the server that is asked."""
        return self._io.settings.base_url


class Closing(Resource[Sync]):
    """A client that is closed at the end of a ``with``."""

    def close(self) -> None:
        """Close the connections."""
        self._io.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClosing(Resource[Async]):
    """The same for ``async with``."""

    async def close(self) -> None:
        """Close the connections."""
        await self._io.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
