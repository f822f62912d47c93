"""Every query of the refactoring domain, each for one tenant."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, insert, select, update

from lemnos.domains.quality.safety import SafetyReport
from lemnos.domains.refactoring.model import (
    Changed,
    Effect,
    NewRefactoring,
    OpenedPullRequest,
    Refactoring,
    Status,
)
from lemnos.domains.refactoring.tables import refactorings
from lemnos.kernel.page import Page
from lemnos.platform.db import Database, Query, Row, Tx

_R = refactorings.c
_MINE = (_R.tenant == bindparam("tenant"), _R.id == bindparam("id"))
_OF_TASK = (_R.tenant == bindparam("tenant"), _R.task_id == bindparam("task_id"))
_COUNT_CAP = 10_000  # a total is counted no further than this

_INSERT = Query(insert(refactorings))
_GET = Query(select(refactorings).where(*_MINE))
_GET_LOCKED = Query(select(refactorings).where(*_MINE).with_for_update())
_GET_OF_TASK = Query(select(refactorings).where(*_OF_TASK).with_for_update())
_PAGE = Query(
    select(refactorings)
    .where(_R.tenant == bindparam("tenant"))
    .order_by(_R.created_at.desc(), _R.id.desc())
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_COUNT = Query(
    select(func.count().label("total")).select_from(
        select(_R.id).where(_R.tenant == bindparam("tenant")).limit(_COUNT_CAP).subquery()
    )
)
_DURATIONS = Query(
    select((_R.ended_at - _R.created_at).label("us"))
    .where(_R.tenant == bindparam("tenant"), _R.status == Status.COMPLETED.value)
    .order_by(_R.created_at.desc())
    .limit(bindparam("limit"))
)

_TEXTS: Mapping[str, type[Any]] = {
    "asked": NewRefactoring,
    "changed": Changed,
    "report": SafetyReport,
    "effect": Effect,
    "pull_request": OpenedPullRequest,
}


class RefactoringStore:
    """Refactorings of a tenant."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, tx: Tx, refactoring: Refactoring) -> None:
        """Insert."""
        names = Refactoring.__dataclass_fields__
        await tx.run(_INSERT, _columns({name: getattr(refactoring, name) for name in names}))

    async def get(
        self, tenant: str, refactoring_id: str, tx: Tx | None = None
    ) -> Refactoring | None:
        """A refactoring, or None. Within a transaction it is locked until that ends."""
        key = {"tenant": tenant, "id": refactoring_id}
        row = await (tx.one(_GET_LOCKED, key) if tx else self._db.one(_GET, key))
        return _refactoring(row) if row else None

    async def of_task(self, tx: Tx, tenant: str, task_id: str) -> Refactoring | None:
        """The refactoring that a task carries out, locked."""
        row = await tx.one(_GET_OF_TASK, {"tenant": tenant, "task_id": task_id})
        return _refactoring(row) if row else None

    async def page(self, tenant: str, limit: int, offset: int) -> Page[Refactoring]:
        """The newest first, with a total that is counted up to a cap."""
        params = {"tenant": tenant, "limit": limit, "offset": offset}
        rows = await self._db.all(_PAGE, params)
        counted = await self._db.one(_COUNT, {"tenant": tenant})
        total = int(counted["total"]) if counted else 0
        return Page(tuple(_refactoring(row) for row in rows), total)

    async def durations(self, tenant: str, limit: int) -> list[int]:
        """How long the last completed ones took, in microseconds from the request."""
        rows = await self._db.all(_DURATIONS, {"tenant": tenant, "limit": limit})
        return [int(row["us"]) for row in rows]

    async def change(self, tx: Tx, refactoring: Refactoring, **values: Any) -> None:
        """Set columns."""
        query = _update(tuple(sorted(values)))
        key = {"p_tenant": refactoring.tenant, "p_id": refactoring.id}
        await tx.run(query, {**_columns(values), **key})


@lru_cache(maxsize=32)
def _update(names: tuple[str, ...]) -> Query:
    where = (_R.tenant == bindparam("p_tenant"), _R.id == bindparam("p_id"))
    made = update(refactorings).where(*where)
    return Query(made.values({name: bindparam(name) for name in names}))


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Records as JSON, the diff compressed, a state as its name."""
    return {name: _column(name, value) for name, value in values.items()}


def _column(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _TEXTS:
        return msgspec.json.encode(value).decode()
    if name == "diff":
        return zlib.compress(value.encode())
    return value.value if name == "status" else value


def _refactoring(row: Row) -> Refactoring:
    values: dict[str, Any] = {name: row[name] for name in Refactoring.__dataclass_fields__}
    for name, kind in _TEXTS.items():
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=kind)
    values["diff"] = zlib.decompress(values["diff"]).decode()
    return Refactoring(**{**values, "status": Status(values["status"])})
