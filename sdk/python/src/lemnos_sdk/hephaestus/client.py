"""The clients of Hephaestus."""

from __future__ import annotations

import httpx2

from lemnos_sdk._call import IO
from lemnos_sdk._client import AsyncClosing, Client, Closing
from lemnos_sdk._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, settings_of
from lemnos_sdk._transport import Async, Sync
from lemnos_sdk.hephaestus.operations import Operations
from lemnos_sdk.hephaestus.resources import Analytics, Cleanup, Quality

_PRODUCT, _PREFIX = "HEPHAESTUS", "/api/v1"


class _Client(Client[IO]):
    """What both clients offer."""

    def __init__(self, io: IO) -> None:
        super().__init__(io)
        self.quality = Quality(io)
        self.cleanup = Cleanup(io)
        self.analytics = Analytics(io)
        self.operations = Operations(io)


class Hephaestus(_Client[Sync], Closing):
    """Hephaestus, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``HEPHAESTUS_BASE_URL`` and
    ``HEPHAESTUS_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
    seconds for one try, ``max_retries`` how many follow the first. ``http_client`` brings
    proxies, certificates and the like; whoever gives it closes it.
    """

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
            _PRODUCT,
            _PREFIX,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Sync(settings, http_client))


class AsyncHephaestus(_Client[Async], AsyncClosing):
    """Hephaestus for asyncio: the same, awaited. The arguments are those of :class:`Hephaestus`."""

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
            _PRODUCT,
            _PREFIX,
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            max_retries=max_retries,
        )
        super().__init__(Async(settings, http_client))
