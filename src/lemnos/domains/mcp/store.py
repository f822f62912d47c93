"""Every query of the mcp domain, each for one tenant."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from lemnos.domains.mcp.tables import mcp_servers
from lemnos.platform.db import Database, Query, Tx

_MINE = mcp_servers.c.tenant == bindparam("tenant")

_INSERT = Query(insert(mcp_servers))
_LIST = Query(
    select(mcp_servers.c.name, mcp_servers.c.sealed, mcp_servers.c.created_at)
    .where(_MINE)
    .order_by(mcp_servers.c.name)
)
_DELETE = Query(delete(mcp_servers).where(_MINE, mcp_servers.c.name == bindparam("name")))


class McpStore:
    """MCP servers of a tenant, sealed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(
        self, tx: Tx, tenant: str, name: str, sealed: bytes, created_by: str, created_at: int
    ) -> None:
        """Insert. A name that exists raises ``UniqueViolation``."""
        row = {
            "tenant": tenant,
            "name": name,
            "sealed": sealed,
            "created_by": created_by,
            "created_at": created_at,
        }
        await tx.run(_INSERT, row)

    async def list(self, tenant: str) -> list[tuple[str, bytes, int]]:
        """Name, sealed definition and creation time of each."""
        rows = await self._db.all(_LIST, {"tenant": tenant})
        return [(row["name"], row["sealed"], row["created_at"]) for row in rows]

    async def remove(self, tx: Tx, tenant: str, name: str) -> bool:
        """Delete; False when there was none."""
        return await tx.run(_DELETE, {"tenant": tenant, "name": name}) > 0
