"""The clients of CodeForge."""

from __future__ import annotations

from typing import Any

import httpx2

from lemnos_sdk._call import IO, Call, operation
from lemnos_sdk._client import AsyncClosing, Client, Closing
from lemnos_sdk._model import reader
from lemnos_sdk._settings import DEFAULT_RETRIES, DEFAULT_TIMEOUT, settings_of
from lemnos_sdk._transport import Async, Sync
from lemnos_sdk.codeforge.resources import Callbacks, Keys, McpServers, WorkspacesResource
from lemnos_sdk.codeforge.tasks import Tasks

_PRODUCT, _PREFIX = "CODEFORGE", "/api/v1"


class _Client(Client[IO]):
    """What both clients offer."""

    def __init__(self, io: IO) -> None:
        super().__init__(io)
        self.tasks = Tasks(io)
        self.keys = Keys(io)
        self.mcp_servers = McpServers(io)
        self.workspaces = WorkspacesResource(io)
        self.callbacks = Callbacks(io)

    @operation
    def health(self) -> Call[dict[str, Any]]:
        """The state of every component, also when one is down."""
        return Call("GET", "/health", reader(dict[str, Any]), also=503)


class CodeForge(_Client[Sync], Closing):
    """CodeForge, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``CODEFORGE_BASE_URL`` and
    ``CODEFORGE_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
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


class AsyncCodeForge(_Client[Async], AsyncClosing):
    """CodeForge for asyncio: the same, awaited. The arguments are those of :class:`CodeForge`."""

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
