"""Leases from the PostgreSQL that the nodes share, for where there is no Valkey.

The algorithm runs on the server's clock, as those of the nodes may differ.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, bindparam, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from lemnos.kernel import clock
from lemnos.platform.db import Database, Query, Tx
from lemnos.platform.ratelimit.model import Lease, Tier
from lemnos.platform.ratelimit.tables import rate_limits as table

_PRUNE_AFTER = 3600 * clock.SECOND

_NOW = cast(func.extract("epoch", func.clock_timestamp()) * clock.SECOND, BigInteger)
_READ = Query(
    select(table.c.tat, _NOW.label("now")).where(table.c.key == bindparam("key_")).with_for_update()
)
_ADD = Query(
    insert(table).values(key=bindparam("key"), tat=bindparam("tat")).on_conflict_do_nothing()
)
_MOVE = Query(update(table).where(table.c.key == bindparam("key_")).values(tat=bindparam("tat")))
_PRUNE = Query(delete(table).where(table.c.tat < bindparam("before")))


class DatabaseLeases:
    """Leases from the PostgreSQL that the nodes share, a few round trips each."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def take(self, key: str, tier: Tier, spent: int, wanted: int) -> Lease:
        """See :class:`~lemnos.platform.ratelimit.model.LeaseStore`."""

        async def body(tx: Tx) -> Lease:
            row = await tx.one(_READ, {"key_": key})
            if row is None:
                await tx.run(_ADD, {"key": key, "tat": 0})  # or another node just did
                row = await tx.one(_READ, {"key_": key})
            assert row is not None
            now = int(row["now"])
            tat = max(int(row["tat"]), now) + tier.interval * spent
            granted = max(min((now + tier.tolerance - tat) // tier.interval, wanted), 0)
            tat += tier.interval * granted
            await tx.run(_MOVE, {"key_": key, "tat": tat})
            return Lease(granted, tat - now)

        return await self._db.write(body)

    async def prune(self) -> int:
        """Forget keys that were at rest for an hour; how many. To be called now and then."""

        async def body(tx: Tx) -> int:
            return await tx.run(_PRUNE, {"before": clock.now() - _PRUNE_AFTER})

        return await self._db.write(body)
