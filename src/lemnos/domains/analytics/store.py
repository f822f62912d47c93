"""Every query of the analytics domain, each for one tenant."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence

import msgspec
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert as upsert

from lemnos.domains.analytics.model import Kind, Measurement
from lemnos.domains.analytics.tables import measurements
from lemnos.platform.db import Database, Query, Row, Tx

_C = measurements.c
_KEY = ("tenant", "workspace", "kind", "source")
_VALUES = ("commit_id", "content", "files", "measured_at")
_SAVE = upsert(measurements)
_PUT = Query(
    _SAVE.on_conflict_do_update(
        index_elements=list(_KEY), set_={name: _SAVE.excluded[name] for name in _VALUES}
    )
)
_OF = Query(
    select(measurements)
    .where(
        _C.tenant == bindparam("tenant"),
        _C.workspace.in_([bindparam("folder"), bindparam("root")]),
    )
    .order_by(_C.measured_at)
)
_Content = dict[str, tuple[int, int]]


class MeasurementStore:
    """What others have measured, the latest of each source."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def put(self, tx: Tx, tenant: str, sent: Measurement) -> None:
        """Keep it, in place of what the same source has sent before."""
        row = {
            "tenant": tenant,
            "workspace": sent.workspace,
            "kind": sent.kind.value,
            "source": sent.source,
            "commit_id": sent.commit,
            "content": zlib.compress(msgspec.json.encode(sent.content), 1),
            "files": len(sent.content),
            "measured_at": sent.measured_at,
        }
        await tx.run(_PUT, row)

    async def of(self, tenant: str, folder: str, root: str) -> Sequence[Measurement]:
        """All that was sent of a folder, and of the root of its repository."""
        rows = await self._db.scan(_OF, {"tenant": tenant, "folder": folder, "root": root})
        return await asyncio.to_thread(lambda: [_measurement(row) for row in rows])


def _measurement(row: Row) -> Measurement:
    return Measurement(
        workspace=row["workspace"],
        kind=Kind(row["kind"]),
        source=row["source"],
        commit=row["commit_id"],
        content=msgspec.json.decode(zlib.decompress(row["content"]), type=_Content),
        measured_at=row["measured_at"],
    )
