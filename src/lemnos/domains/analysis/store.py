"""Every query of analyses, their files and what they found, each for one tenant."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, delete, func, insert, select, update

from lemnos.domains.analysis.model import (
    Analysis,
    FileMetrics,
    NewAnalysis,
    Opportunity,
    Status,
    Summary,
)
from lemnos.domains.analysis.tables import analyses, measured, opportunities
from lemnos.kernel.page import Page
from lemnos.platform.db import Database, Query, Row, Tx

PART = 250  # measured files in one row
_COUNT_CAP = 10_000  # a total is counted no further than this
_SHALLOW = 2_000  # rows that may be counted off on the event loop
_HISTORY = 20  # analyses from which the length of the next one is reckoned

_A, _F, _O = analyses.c, measured.c, opportunities.c
_MINE = (_A.tenant == bindparam("tenant"), _A.id == bindparam("id"))

_INSERT = Query(insert(analyses))
_GET = Query(select(analyses).where(*_MINE))
_INSERT_PART = Query(insert(measured))
_PARTS = Query(
    select(_F.content)
    .where(
        _F.tenant == bindparam("tenant"),
        _F.analysis_id == bindparam("analysis_id"),
        _F.part >= bindparam("first"),
        _F.part <= bindparam("last"),
    )
    .order_by(_F.part)
)
_INSERT_FOUND = Query(insert(opportunities))
_FOUND = Query(
    select(_O.content)
    .where(_O.tenant == bindparam("tenant"), _O.analysis_id == bindparam("analysis_id"))
    .order_by(_O.position)
)
_ONE_FOUND = Query(
    select(_O.content).where(_O.tenant == bindparam("tenant"), _O.id == bindparam("id"))
)
_DELETE_PARTS = Query(delete(measured).where(_F.analysis_id == bindparam("analysis_id")))
_DELETE_FOUND = Query(delete(opportunities).where(_O.analysis_id == bindparam("analysis_id")))
_DONE = (
    select(_A.started_at, _A.ended_at, _A.asked)
    .where(_A.tenant == bindparam("tenant"), _A.status == Status.COMPLETED.value)
    .order_by(_A.created_at.desc(), _A.id.desc())
    .limit(_HISTORY)
)
_DONE_ANYWHERE = Query(_DONE)
_DONE_HERE = Query(_DONE.where(_A.repository == bindparam("repository")))

_json = msgspec.json.Encoder().encode
_asked = msgspec.json.Decoder(NewAnalysis).decode
_summary = msgspec.json.Decoder(Summary).decode
_metrics = msgspec.json.Decoder(tuple[FileMetrics, ...]).decode
_opportunity = msgspec.json.Decoder(Opportunity).decode


@dataclass(frozen=True, slots=True)
class Durations:
    """How long analyses took, in microseconds, and which ones they were."""

    durations: tuple[int, ...]
    basis: str


class AnalysisStore:
    """Analyses with their measured files and opportunities."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, tx: Tx, analysis: Analysis) -> None:
        """Add an analysis when the transaction ends."""
        tx.defer(_INSERT, _row(analysis))

    async def get(self, tenant: str, analysis_id: str, tx: Tx | None = None) -> Analysis | None:
        """An analysis, or None."""
        key = {"tenant": tenant, "id": analysis_id}
        row = await (tx or self._db).one(_GET, key)
        return _analysis(row) if row else None

    async def page(
        self,
        tenant: str,
        *,
        repository: str = "",
        status: str = "",
        since: int | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[Analysis]:
        """Analyses, the newest first, with their total up to a cap."""
        given = {"repository": repository, "status": status, "since": since}
        wanted = {name: value for name, value in given.items() if value not in ("", None)}
        listing, count = _queries(tuple(sorted(wanted)))
        params = {"tenant": tenant, **wanted}
        read = self._db.all if offset <= _SHALLOW else self._db.scan
        rows = await read(listing, {**params, "limit": limit, "offset": offset})
        total = await self._db.one(count, {**params, "cap": _COUNT_CAP})
        return Page(tuple(map(_analysis, rows)), int(total["total"]) if total else 0)

    async def change(self, tx: Tx, analysis: Analysis, **values: Any) -> None:
        """Set columns of an analysis."""
        query = _update(tuple(sorted(values)))
        columns = {f"new_{name}": _column(value) for name, value in values.items()}
        await tx.run(query, {**columns, "tenant": analysis.tenant, "id": analysis.id})

    async def put_results(
        self,
        tx: Tx,
        analysis: Analysis,
        files: Sequence[FileMetrics],
        found: Sequence[Opportunity],
    ) -> None:
        """Store what was measured and found, in place of what an earlier try has left."""
        await tx.run(_DELETE_PARTS, {"analysis_id": analysis.id})
        await tx.run(_DELETE_FOUND, {"analysis_id": analysis.id})
        parts = [
            {
                "analysis_id": analysis.id,
                "part": start // PART,
                "tenant": analysis.tenant,
                "content": zlib.compress(_json(files[start : start + PART]), 1),
            }
            for start in range(0, len(files), PART)
        ]
        await tx.many(_INSERT_PART, parts)
        rows = [
            {
                "id": each.id,
                "analysis_id": analysis.id,
                "tenant": analysis.tenant,
                "position": position,
                "content": _json(each).decode(),
            }
            for position, each in enumerate(found)
        ]
        await tx.many(_INSERT_FOUND, rows)

    async def files(
        self, tenant: str, analysis_id: str, limit: int, offset: int
    ) -> tuple[FileMetrics, ...]:
        """Some of the measured files, in the order in which they were stored."""
        if limit <= 0:
            return ()
        first, last = offset // PART, (offset + limit - 1) // PART
        params = {"tenant": tenant, "analysis_id": analysis_id, "first": first, "last": last}
        rows = await self._db.scan(_PARTS, params)
        files = [each for row in rows for each in _metrics(zlib.decompress(row["content"]))]
        start = offset - first * PART
        return tuple(files[start : start + limit])

    async def opportunities(self, tenant: str, analysis_id: str) -> tuple[Opportunity, ...]:
        """What was kept of what an analysis has found, the best first."""
        rows = await self._db.all(_FOUND, {"tenant": tenant, "analysis_id": analysis_id})
        return tuple(_opportunity(row["content"]) for row in rows)

    async def opportunity(self, tenant: str, opportunity_id: str) -> Opportunity | None:
        """One of them, or None."""
        row = await self._db.one(_ONE_FOUND, {"tenant": tenant, "id": opportunity_id})
        return _opportunity(row["content"]) if row else None

    async def durations(self, tenant: str, asked: NewAnalysis) -> Durations:
        """How long the last analyses of this type took: of the repository, else of the tenant."""
        here = {"tenant": tenant, "repository": asked.repository}
        if found := _lengths(await self._db.all(_DONE_HERE, here), asked):
            return Durations(found, "earlier analyses of this repository")
        anywhere = await self._db.all(_DONE_ANYWHERE, {"tenant": tenant})
        return Durations(_lengths(anywhere, asked), "earlier analyses of other repositories")


def _lengths(rows: Sequence[Row], asked: NewAnalysis) -> tuple[int, ...]:
    return tuple(
        row["ended_at"] - row["started_at"]
        for row in rows
        if row["ended_at"] and row["started_at"] and _asked(row["asked"]).type is asked.type
    )


@lru_cache
def _queries(filters: tuple[str, ...]) -> tuple[Query, Query]:
    """The page and the capped count under some filters."""
    conditions = {
        "repository": _A.repository == bindparam("repository"),
        "status": _A.status == bindparam("status"),
        "since": _A.created_at >= bindparam("since"),
    }
    where = [_A.tenant == bindparam("tenant"), *(conditions[name] for name in filters)]
    page: Select[Any] = (
        select(analyses)
        .where(*where)
        .order_by(_A.created_at.desc(), _A.id.desc())
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
    capped = select(_A.id).where(*where).limit(bindparam("cap")).subquery()
    return Query(page), Query(select(func.count().label("total")).select_from(capped))


@lru_cache
def _update(names: tuple[str, ...]) -> Query:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return Query(update(analyses).where(*_MINE).values(**values))


def _column(value: Any) -> Any:
    if isinstance(value, Status):
        return value.value
    return _json(value).decode() if isinstance(value, Summary) else value


def _row(analysis: Analysis) -> dict[str, Any]:
    return {
        "id": analysis.id,
        "tenant": analysis.tenant,
        "created_by": analysis.created_by,
        "status": analysis.status.value,
        "repository": analysis.asked.repository,
        "asked": _json(analysis.asked).decode(),
        "branch": analysis.branch,
        "commit_id": analysis.commit,
        "stage": analysis.stage,
        "progress": analysis.progress,
        "summary": _json(analysis.summary).decode() if analysis.summary else None,
        "error": analysis.error,
        "error_class": analysis.error_class,
        "trace_id": analysis.trace_id,
        "created_at": analysis.created_at,
        "started_at": analysis.started_at,
        "ended_at": analysis.ended_at,
    }


def _analysis(row: Row) -> Analysis:
    return Analysis(
        id=row["id"],
        tenant=row["tenant"],
        created_by=row["created_by"],
        status=Status(row["status"]),
        asked=_asked(row["asked"]),
        created_at=row["created_at"],
        commit=row["commit_id"],
        branch=row["branch"],
        stage=row["stage"],
        progress=row["progress"],
        summary=_summary(row["summary"]) if row["summary"] else None,
        error=row["error"],
        error_class=row["error_class"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        trace_id=row["trace_id"],
    )
