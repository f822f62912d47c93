"""What the clients of every API are made of."""

from __future__ import annotations

from types import TracebackType
from typing import ClassVar, Self

import httpx2

from lemnos_sdk._call import IO, Resource
from lemnos_sdk._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, settings_of
from lemnos_sdk._transport import Async, Sync


class Client(Resource[IO]):
    """A client, whether its calls are awaited or not."""

    @property
    def base_url(self) -> str:
        """The root of the server that is asked."""
        return self._io.settings.base_url


class Blocking(Resource[Sync]):
    """A client, call by call, that is closed at the end of a ``with``.

    Comes before what a product's clients offer, whose constructor takes the transport.
    """

    _product: ClassVar[str]  # whose variables name the server and the key
    _prefix: ClassVar[str]  # what a base URL may end with

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_RETRIES,
        http_client: httpx2.Client | None = None,
    ) -> None:
        settings = settings_of(
            self._product,
            self._prefix,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Sync(settings, http_client))

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


class Awaited(Resource[Async]):
    """The same for asyncio and ``async with``."""

    _product: ClassVar[str]
    _prefix: ClassVar[str]

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_RETRIES,
        http_client: httpx2.AsyncClient | None = None,
    ) -> None:
        settings = settings_of(
            self._product,
            self._prefix,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Async(settings, http_client))

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
