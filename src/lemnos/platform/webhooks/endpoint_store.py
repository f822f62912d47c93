"""Every query of webhook endpoints."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from lemnos.platform.db import Database, Query, Row, Tx
from lemnos.platform.webhooks.endpoint import Endpoint
from lemnos.platform.webhooks.model import CLAIM, State
from lemnos.platform.webhooks.tables import deliveries, endpoints

_E = endpoints.c
_MINE = _E.tenant == bindparam("p_tenant")
_THIS = _E.id == bindparam("p_id")
_CHANGEABLE = (
    "url",
    "events",
    "active",
    "sealed",
    "previous",
    "previous_until",
    "updated_at",
    "failing_since",
    "off_reason",
)

_INSERT = Query(insert(endpoints))
_GET = Query(select(endpoints).where(_THIS, _MINE))
_LOCK = Query(select(endpoints).where(_THIS, _MINE).with_for_update())
_LIST = Query(select(endpoints).where(_MINE).order_by(_E.created_at.desc(), _E.id.desc()))
_COUNT = Query(select(func.count()).select_from(endpoints).where(_MINE))
_SAVE = Query(
    update(endpoints).where(_THIS, _MINE).values({name: bindparam(name) for name in _CHANGEABLE})
)
_DELETE = Query(delete(endpoints).where(_THIS, _MINE))
# What a node has claimed is due before the claim ends, so a request under way is left alone.
_HURRY = Query(
    update(deliveries)
    .where(
        deliveries.c.endpoint == bindparam("p_id"),
        deliveries.c.state == State.PENDING.value,
        deliveries.c.next_at > bindparam("p_claimed"),
    )
    .values(next_at=bindparam("now"))
)


class EndpointStore:
    """The endpoints of each tenant."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, endpoint: Endpoint) -> None:
        """Store an endpoint."""
        await tx.run(_INSERT, _row(endpoint))

    async def get(self, tenant: str, endpoint_id: str) -> Endpoint | None:
        """An endpoint of the tenant."""
        row = await self._db.one(_GET, {"p_id": endpoint_id, "p_tenant": tenant})
        return _endpoint(row) if row else None

    async def lock(self, tx: Tx, tenant: str, endpoint_id: str) -> Endpoint | None:
        """The same, kept as it is for others until the transaction ends."""
        row = await tx.one(_LOCK, {"p_id": endpoint_id, "p_tenant": tenant})
        return _endpoint(row) if row else None

    async def list(self, tenant: str, tx: Tx | None = None) -> tuple[Endpoint, ...]:
        """All of a tenant, the newest first."""
        rows = await (tx or self._db).all(_LIST, {"p_tenant": tenant})
        return tuple(map(_endpoint, rows))

    async def count(self, tx: Tx, tenant: str) -> int:
        """How many a tenant has."""
        row = await tx.one(_COUNT, {"p_tenant": tenant})
        return int(row[0]) if row else 0

    async def save(self, tx: Tx, endpoint: Endpoint) -> None:
        """Write what can change."""
        row = _row(endpoint)
        values = {name: row[name] for name in _CHANGEABLE}
        await tx.run(_SAVE, {**values, "p_id": endpoint.id, "p_tenant": endpoint.tenant})

    async def remove(self, tx: Tx, tenant: str, endpoint_id: str) -> None:
        """Delete an endpoint."""
        await tx.run(_DELETE, {"p_id": endpoint_id, "p_tenant": tenant})

    async def hurry(self, tx: Tx, endpoint_id: str, now: int) -> None:
        """Make due what waits for the endpoint's next try."""
        await tx.run(_HURRY, {"p_id": endpoint_id, "p_claimed": now + CLAIM, "now": now})


def _row(endpoint: Endpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "tenant": endpoint.tenant,
        "url": endpoint.url,
        "events": msgspec.json.encode(endpoint.events).decode(),
        "active": int(endpoint.active),
        "sealed": endpoint.sealed,
        "previous": endpoint.previous,
        "previous_until": endpoint.previous_until,
        "created_by": endpoint.created_by,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
        "failing_since": endpoint.failing_since,
        "off_reason": endpoint.off_reason or None,
    }


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        id=row["id"],
        tenant=row["tenant"],
        url=row["url"],
        events=msgspec.json.decode(row["events"], type=tuple[str, ...]),
        active=bool(row["active"]),
        sealed=row["sealed"],
        previous=row["previous"],
        previous_until=row["previous_until"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        failing_since=row["failing_since"],
        off_reason=row["off_reason"] or "",
    )
