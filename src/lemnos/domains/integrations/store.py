"""Every query of the integrations domain, each for one tenant."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, select

from lemnos.domains.integrations.model import Key, Provider
from lemnos.domains.integrations.tables import keys
from lemnos.platform.db import Database, Query, Row, Tx

_MINE = keys.c.tenant == bindparam("tenant")
_NAMED = keys.c.name == bindparam("name")

_INSERT = Query(insert(keys))
_LIST = Query(select(keys).where(_MINE).order_by(keys.c.name))
_ONE = Query(select(keys).where(_MINE, _NAMED))
_DELETE = Query(delete(keys).where(_MINE, _NAMED))


class KeyStore:
    """Provider keys."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, key: Key, sealed: bytes, created_by: str) -> None:
        """Insert. A name that exists raises ``UniqueViolation``."""
        row = {
            "tenant": key.tenant,
            "name": key.name,
            "provider": key.provider.value,
            "scope": key.scope,
            "host": key.host,
            "sealed": sealed,
            "created_by": created_by,
            "created_at": key.created_at,
        }
        await tx.run(_INSERT, row)

    async def list(self, tenant: str) -> tuple[Key, ...]:
        """All keys of the tenant, by name."""
        return tuple(_key(row) for row in await self._db.all(_LIST, {"tenant": tenant}))

    async def find(self, tenant: str, name: str) -> tuple[Key, bytes] | None:
        """A key and its sealed token."""
        row = await self._db.one(_ONE, {"tenant": tenant, "name": name})
        return (_key(row), row["sealed"]) if row else None

    async def remove(self, tx: Tx, tenant: str, name: str) -> bool:
        """Delete; False when there was none."""
        return await tx.run(_DELETE, {"tenant": tenant, "name": name}) > 0


def _key(row: Row) -> Key:
    return Key(
        row["tenant"],
        row["name"],
        Provider(row["provider"]),
        row["scope"],
        row["host"],
        row["created_at"],
    )
