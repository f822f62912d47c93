"""The clients of Hephaestus."""

from __future__ import annotations

from lemnos_sdk._call import IO
from lemnos_sdk._client import Awaited, Blocking, Client
from lemnos_sdk._transport import Async, Sync
from lemnos_sdk.hephaestus.operations import Operations
from lemnos_sdk.hephaestus.resources import Analytics, Cleanup, Quality


class _Client(Client[IO]):
    """What both clients offer."""

    _product, _prefix = "HEPHAESTUS", "/api/v1"

    def __init__(self, io: IO) -> None:
        super().__init__(io)
        self.quality = Quality(io)
        self.cleanup = Cleanup(io)
        self.analytics = Analytics(io)
        self.operations = Operations(io)


class Hephaestus(Blocking, _Client[Sync]):
    """Hephaestus, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``HEPHAESTUS_BASE_URL`` and
    ``HEPHAESTUS_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
    seconds for one try, ``max_retries`` how many follow the first. ``http_client`` brings
    proxies, certificates and the like; whoever gives it closes it.
    """


class AsyncHephaestus(Awaited, _Client[Async]):
    """Hephaestus for asyncio: the same, awaited. The arguments are those of :class:`Hephaestus`."""
