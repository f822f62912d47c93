"""The clients of CodeForge."""

from __future__ import annotations

from typing import Any

from lemnos_sdk._call import IO, Call, operation
from lemnos_sdk._client import Awaited, Blocking, Client
from lemnos_sdk._model import reader
from lemnos_sdk._transport import Async, Sync
from lemnos_sdk.codeforge.resources import Callbacks, Keys, McpServers, WorkspacesResource
from lemnos_sdk.codeforge.tasks import Tasks


class _Client(Client[IO]):
    """What both clients offer."""

    _product, _prefix = "CODEFORGE", "/api/v1"

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


class CodeForge(Blocking, _Client[Sync]):
    """CodeForge, call by call.

    Where ``base_url`` and ``api_key`` are not given, they come from ``CODEFORGE_BASE_URL`` and
    ``CODEFORGE_API_KEY``, else from ``LEMNOS_URL`` and ``LEMNOS_API_KEY``. ``timeout`` is in
    seconds for one try, ``max_retries`` how many follow the first. ``http_client`` brings
    proxies, certificates and the like; whoever gives it closes it.
    """


class AsyncCodeForge(Awaited, _Client[Async]):
    """CodeForge for asyncio: the same, awaited. The arguments are those of :class:`CodeForge`."""
