"""Facts kept by content, so that nothing is measured twice while it does not change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from lemnos.domains.analysis.facts import Facts, packed, unpacked
from lemnos.domains.analysis.tables import facts
from lemnos.kernel.clock import SECOND
from lemnos.platform.db import Database, Query, Row, Tx

_AT_ONCE = 200  # keys in one statement
_DAY = 86_400 * SECOND
_C = facts.c
_KEYS = tuple(f"key_{number}" for number in range(_AT_ONCE))
_AMONG = (_C.tenant == bindparam("tenant"), _C.key.in_([bindparam(name) for name in _KEYS]))

_GET = Query(select(_C.key, _C.content).where(*_AMONG, _C.made_at >= bindparam("since")))
# Once a day is often enough, and spares most analyses the writing.
_USED = Query(
    update(facts).where(*_AMONG, _C.used_at < bindparam("before")).values(used_at=bindparam("now"))
)
_SAVE = upsert(facts)
_PUT = Query(
    _SAVE.on_conflict_do_update(
        index_elements=["tenant", "key"],
        set_={
            name: _SAVE.excluded[name] for name in ("content", "size_bytes", "made_at", "used_at")
        },
    )
)
_TOTAL = Query(select(func.coalesce(func.sum(_C.size_bytes), 0).label("total")))
_OLDEST = Query(select(_C.used_at, _C.size_bytes).order_by(_C.used_at).limit(bindparam("count")))
_DELETE = Query(delete(facts).where(_C.used_at <= bindparam("until")))


class FactsStore:
    """Facts of a tenant's files by key: content, language and version of the analysers."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, tenant: str, keys: Sequence[str], since: int = 0) -> dict[str, Facts]:
        """Those that are known, and were made at or after ``since``."""
        found: dict[str, Facts] = {}
        for params in _chunks(keys):
            rows = await self._db.scan(_GET, {**params, "tenant": tenant, "since": since})
            found |= _readable(rows)
        return found

    async def put(self, tx: Tx, tenant: str, made: Mapping[str, Facts], now: int) -> None:
        """Keep facts, in place of older ones."""
        rows = []
        for key, each in made.items():
            content = packed(each)
            rows.append(
                {
                    "tenant": tenant,
                    "key": key,
                    "content": content,
                    "size_bytes": len(content),
                    "made_at": now,
                    "used_at": now,
                }
            )
        await tx.many(_PUT, rows)

    async def used(self, tx: Tx, tenant: str, keys: Sequence[str], now: int) -> None:
        """Note that these were of use, so that others go first."""
        for params in _chunks(keys):
            await tx.run(_USED, {**params, "tenant": tenant, "now": now, "before": now - _DAY})

    async def prune(self, unused_since: int, limit: int) -> int:
        """Remove what nobody has used since a time, and the longest unused over ``limit`` bytes.

        How many rows went.
        """
        gone = await self._remove(unused_since)
        while (excess := await self._total() - limit) > 0:
            rows = await self._db.scan(_OLDEST, {"count": 1000})
            for row in rows:
                excess -= row["size_bytes"]
                if excess <= 0 or row is rows[-1]:
                    gone += await self._remove(row["used_at"])
                    break
        return gone

    async def _total(self) -> int:
        row = (await self._db.scan(_TOTAL))[0]
        return int(row["total"])

    async def _remove(self, until: int) -> int:
        return await self._db.write(lambda tx: tx.run(_DELETE, {"until": until}))


def _chunks(keys: Sequence[str]) -> Iterator[dict[str, str]]:
    """Parameters for so many keys at once; the last chunk repeats a key to be full."""
    for start in range(0, len(keys), _AT_ONCE):
        chunk = list(keys[start : start + _AT_ONCE])
        chunk += chunk[:1] * (_AT_ONCE - len(chunk))
        yield dict(zip(_KEYS, chunk, strict=True))


def _readable(rows: Sequence[Row]) -> dict[str, Facts]:
    found = {}
    for row in rows:
        try:
            found[row["key"]] = unpacked(row["content"])
        except msgspec.MsgspecError:
            continue  # of another version of Lemnos, or damaged: it is measured again
    return found
