"""Use cases of the mcp domain."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lemnos.domains.mcp.model import McpDefinition, problems
from lemnos.domains.mcp.store import McpStore
from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict, Invalid, NotFound
from lemnos.platform.db import Tx
from lemnos.platform.db.errors import UniqueViolation
from lemnos.platform.secrets import Vault


class McpService:
    """Register, list and remove the MCP servers that all of a tenant's agents may use."""

    def __init__(self, store: McpStore, vault: Vault, check_url: Callable[[str], object]) -> None:
        self._store = store
        self._check_url = check_url
        self._vault = vault

    async def register(self, tx: Tx, ctx: Context, definition: McpDefinition) -> McpDefinition:
        """Keep a server. A name that is taken raises ``Conflict``."""
        if found := problems(definition):
            raise Invalid("The MCP server cannot work as described.", fields=found)
        if definition.url:
            self._check_url(definition.url)
        clear = msgspec.json.encode(definition)
        sealed = self._vault.seal(ctx.tenant, _sealed_name(definition.name), clear)
        try:
            await self._store.add(
                tx, ctx.tenant, definition.name, sealed, ctx.principal.subject, clock.now()
            )
        except UniqueViolation as error:
            message = f"An MCP server named {definition.name} exists."
            raise Conflict(message, code="mcp_server_exists") from error
        return definition

    async def list(self, ctx: Context) -> tuple[McpDefinition, ...]:
        """The tenant's servers, without their secrets."""
        return tuple(definition.redacted() for definition in await self.definitions(ctx.tenant))

    async def remove(self, tx: Tx, ctx: Context, name: str) -> None:
        """Delete a server."""
        if not await self._store.remove(tx, ctx.tenant, name):
            message = f"There is no MCP server named {name}."
            raise NotFound(message, code="mcp_server_not_found")

    async def definitions(self, tenant: str) -> tuple[McpDefinition, ...]:
        """The servers with their secrets, for a run."""
        return tuple(
            msgspec.json.decode(
                self._vault.open(tenant, _sealed_name(name), sealed),
                type=McpDefinition,
            )
            for name, sealed, _ in await self._store.list(tenant)
        )


def _sealed_name(name: str) -> str:
    return f"mcp-server/{name}"
