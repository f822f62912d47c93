"""Every query of the webhook outbox."""

from __future__ import annotations

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from lemnos.platform.db import Database, Query, Row, Tx
from lemnos.platform.webhooks.endpoint import TEST
from lemnos.platform.webhooks.model import Attempt, Delivery, State
from lemnos.platform.webhooks.tables import attempts, deliveries

_D = deliveries.c
_EARLIER = deliveries.alias("earlier")

_INSERT = Query(insert(deliveries))
_GET = Query(select(deliveries).where(_D.id == bindparam("id")))
_LIST = Query(
    select(deliveries)
    .where(_D.tenant == bindparam("tenant"), _D.endpoint == bindparam("endpoint"))
    .order_by(_D.id.desc())
    .limit(bindparam("limit"))
)
# Only the oldest pending one of each endpoint may go: that is what keeps the order. A test tells
# how the endpoint is now, so it neither waits for others nor do they wait for it.
_FIRST = (
    _D.state == State.PENDING.value,
    or_(
        _D.event == TEST,
        ~select(_EARLIER.c.id)
        .where(
            _EARLIER.c.endpoint == _D.endpoint,
            _EARLIER.c.state == State.PENDING.value,
            _EARLIER.c.id < _D.id,
            _EARLIER.c.event != TEST,
        )
        .exists(),
    ),
)
_DUE = Query(
    select(deliveries)
    .where(*_FIRST, _D.next_at <= bindparam("now"))
    .order_by(_D.next_at)
    .limit(bindparam("limit"))
)
_NEXT = Query(select(func.min(_D.next_at).label("at")).where(*_FIRST))
_CLAIM = Query(
    update(deliveries)
    .where(
        _D.id == bindparam("p_id"),
        _D.state == State.PENDING.value,
        _D.next_at == bindparam("p_seen"),
    )
    .values(next_at=bindparam("until"))
)
_NOTE = Query(
    update(deliveries)
    .where(_D.id == bindparam("p_id"))
    .values(
        state=bindparam("state"),
        attempts=bindparam("attempts"),
        next_at=bindparam("next_at"),
        ended_at=bindparam("ended_at"),
    )
)
_ATTEMPT = Query(insert(attempts))
_ATTEMPTS = Query(
    select(attempts).where(attempts.c.delivery_id == bindparam("id")).order_by(attempts.c.number)
)
_OLD = Query(
    select(_D.id)
    .where(_D.state != State.PENDING.value, _D.ended_at < bindparam("before"))
    .limit(bindparam("limit"))
)
_DELETE = Query(delete(deliveries).where(_D.id == bindparam("id")))
_DELETE_ATTEMPTS = Query(delete(attempts).where(attempts.c.delivery_id == bindparam("id")))


class DeliveryStore:
    """Deliveries and the log of their attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, delivery: Delivery) -> None:
        """Store a delivery."""
        await tx.run(_INSERT, _row(delivery))

    def add_later(self, tx: Tx, delivery: Delivery) -> None:
        """Store a delivery at the end of the transaction, which is cheaper."""
        tx.defer(_INSERT, _row(delivery))

    async def get(self, delivery_id: str) -> Delivery | None:
        """A delivery of any tenant: the caller checks whose it is."""
        row = await self._db.one(_GET, {"id": delivery_id})
        return _delivery(row) if row else None

    async def newest(self, tenant: str, endpoint: str, limit: int) -> list[Delivery]:
        """The newest deliveries of an endpoint."""
        params = {"tenant": tenant, "endpoint": endpoint, "limit": limit}
        return [_delivery(row) for row in await self._db.all(_LIST, params)]

    async def due(self, now: int, limit: int) -> list[Delivery]:
        """Those to send now, at most one of each endpoint."""
        rows = await self._db.all(_DUE, {"now": now, "limit": limit})
        return [_delivery(row) for row in rows]

    async def next_at(self) -> int | None:
        """When the next one may be due."""
        row = await self._db.one(_NEXT)
        return row["at"] if row else None

    async def claim(self, tx: Tx, delivery: Delivery, until: int) -> bool:
        """Take it for this node until then; False when another node was faster."""
        values = {"p_id": delivery.id, "p_seen": delivery.next_at, "until": until}
        return await tx.run(_CLAIM, values) > 0

    async def note(
        self,
        tx: Tx,
        delivery: Delivery,
        attempt: Attempt | None,
        state: State,
        next_at: int,
        ended_at: int | None,
    ) -> None:
        """Write down an attempt and what follows from it."""
        values = {
            "p_id": delivery.id,
            "state": state.value,
            "attempts": delivery.attempts if attempt is None else attempt.number,
            "next_at": next_at,
            "ended_at": ended_at,
        }
        await tx.run(_NOTE, values)
        if attempt is not None:
            await tx.run(_ATTEMPT, {"delivery_id": delivery.id, **_attempt_row(attempt)})

    async def attempts(self, delivery_id: str) -> list[Attempt]:
        """The attempts of a delivery in order."""
        rows = await self._db.all(_ATTEMPTS, {"id": delivery_id})
        names = ("number", "status", "problem", "duration_seconds", "at")
        return [Attempt(*(row[name] for name in names)) for row in rows]

    async def prune(self, before: int, limit: int = 500) -> int:
        """Delete what ended before a time, in batches of ``limit``; how many went."""
        total = pruned = await self._prune(before, limit)
        while pruned == limit:
            pruned = await self._prune(before, limit)
            total += pruned
        return total

    async def _prune(self, before: int, limit: int) -> int:
        rows = await self._db.all(_OLD, {"before": before, "limit": limit})

        async def body(tx: Tx) -> None:
            for row in rows:
                await tx.run(_DELETE_ATTEMPTS, {"id": row["id"]})
                await tx.run(_DELETE, {"id": row["id"]})

        await self._db.write(body)
        return len(rows)


def _row(delivery: Delivery) -> dict[str, object]:
    return {
        "id": delivery.id,
        "tenant": delivery.tenant,
        "endpoint": delivery.endpoint,
        "url": delivery.url,
        "event": delivery.event,
        "body": delivery.body,
        "headers": msgspec.json.encode(delivery.headers).decode(),
        "sealed": delivery.sealed,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_at": delivery.next_at,
        "created_at": delivery.created_at,
        "ended_at": delivery.ended_at,
    }


def _delivery(row: Row) -> Delivery:
    return Delivery(
        row["id"],
        row["tenant"],
        row["endpoint"],
        row["url"],
        row["event"],
        row["body"],
        msgspec.json.decode(row["headers"]),
        row["sealed"],
        State(row["state"]),
        row["attempts"],
        row["next_at"],
        row["created_at"],
        row["ended_at"],
    )


def _attempt_row(attempt: Attempt) -> dict[str, object]:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "problem": attempt.problem,
        "duration_seconds": attempt.duration_seconds,
        "at": attempt.at,
    }
