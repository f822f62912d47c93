"""How long work took: what estimates rest on."""

from __future__ import annotations

from functools import lru_cache
from statistics import median

from sqlalchemy import bindparam, literal_column, or_, select

from lemnos.domains.tasks.model import Status, TaskType
from lemnos.domains.tasks.tables import tasks
from lemnos.platform.db import Database, Query

_T = tasks.c
_LOOKED_AT = 100  # of the newest tasks of an agent, or of a type
_RESTS_ON = 20  # completed ones, at most


class History:
    """Durations of completed tasks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def seconds(self, tenant: str, kind: TaskType, agent_id: str = "") -> float | None:
        """How long such a task took the agent, or any agent: the median of the last few.

        None when nobody has completed one of late. What any agent took stands in for one that
        has no history of its own.
        """
        params = {"tenant": tenant, "type": kind.value, "agent_id": agent_id}
        found = await self._durations(params) if agent_id else []
        if not found:
            found = await self._durations({**params, "agent_id": ""})
        return median(found) if found else None

    async def _durations(self, params: dict[str, str]) -> list[float]:
        by_agent = bool(params["agent_id"])
        usual = params["type"] == TaskType.CODE_GENERATION.value
        rows = await self._db.all(_query(by_agent, usual), params)
        return [row["duration_seconds"] for row in rows]


@lru_cache(maxsize=4)
def _query(by_agent: bool, usual: bool) -> Query:
    columns = (_T.status, _T.type, _T.iteration, _T.duration_seconds, _T.created_at)
    newest = select(*columns).where(_T.tenant == bindparam("tenant"))
    # The second conditions are those of the partial indexes, which hold but what is unusual.
    if by_agent:
        newest = newest.where(
            _T.agent_id == bindparam("agent_id"), _T.agent_id != literal_column("''")
        )
    elif not usual:
        newest = newest.where(
            _T.type == bindparam("type"), _T.type != literal_column("'code_generation'")
        )
    newest_first = newest.order_by(_T.created_at.desc(), _T.id.desc()).limit(_LOOKED_AT)
    seen = newest_first.subquery().c
    completed = (seen.status == Status.COMPLETED.value, seen.status == Status.PR_CREATED.value)
    return Query(
        select(seen.duration_seconds)
        .where(
            or_(*completed),
            seen.type == bindparam("type"),
            seen.iteration == 1,
            seen.duration_seconds.is_not(None),
        )
        .order_by(seen.created_at.desc())
        .limit(_RESTS_ON)
    )
