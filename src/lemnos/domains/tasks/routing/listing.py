"""Pages of tasks by what a caller filters for, each read along an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select, union_all
from sqlalchemy.sql import ColumnElement

from lemnos.domains.tasks.model import Status, Task, TaskType
from lemnos.domains.tasks.store import task_of
from lemnos.domains.tasks.tables import tasks
from lemnos.kernel.page import Page
from lemnos.platform.db import Database, Query

_T = tasks.c
_SHALLOW = 2_000  # rows that may be counted off on the event loop
COUNT_CAP = 10_000  # a total is counted no further than this


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; what is empty does not narrow. Times in microseconds.

    ``since`` is inclusive, ``until`` is not. ``parent_id``: the tries of a fan-out.
    """

    status: tuple[Status, ...] = ()
    type: str = ""
    agent_id: str = ""
    user_id: str = ""
    since: int | None = None
    until: int | None = None
    parent_id: str = ""


@dataclass(frozen=True, slots=True)
class _Shape:
    """What of a filter is set: filters of one shape share a statement."""

    statuses: int
    columns: tuple[str, ...]
    unusual: bool  # a type that its partial index holds
    since: bool
    until: bool


class TaskPages:
    """Reads pages of tasks, and counts what a filter finds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(self, tenant: str, wanted: TaskFilter, limit: int, offset: int) -> Page[Task]:
        """Tasks, the newest first, with a total that is counted up to 10,000.

        By status alone or by nothing, the rows of a page are those of an index in its order. What
        is narrowed further may have to look through all tasks of an agent, a user or a type, off
        the event loop.
        """
        shape = _shape(wanted)
        params = {"tenant": tenant, **_params(wanted)}
        simple = not shape.columns and len(wanted.status) <= 1
        read = self._db.all if simple and offset <= _SHALLOW else self._db.scan
        places = {"limit": limit, "offset": offset, "reach": offset + limit}
        rows = await read(_page(shape), {**params, **places})
        total = await self._db.scan(_count(shape), {**params, "reach": COUNT_CAP})
        return Page(tuple(map(task_of, rows)), min(int(total[0]["total"]), COUNT_CAP))


_NARROWING = ("type", "agent_id", "user_id", "parent_id")


def _shape(wanted: TaskFilter) -> _Shape:
    return _Shape(
        len(wanted.status),
        tuple(name for name in _NARROWING if getattr(wanted, name)),
        wanted.type not in ("", TaskType.CODE_GENERATION.value),
        wanted.since is not None,
        wanted.until is not None,
    )


def _params(wanted: TaskFilter) -> dict[str, Any]:
    params: dict[str, Any] = {name: getattr(wanted, name) for name in _NARROWING}
    params |= {"since": wanted.since, "until": wanted.until}
    return params | {f"status_{n}": status.value for n, status in enumerate(wanted.status)}


@lru_cache(maxsize=128)
def _page(shape: _Shape) -> Query:
    newest = (_T.created_at.desc(), _T.id.desc())
    if shape.statuses <= 1:
        found = _found(shape, 0 if shape.statuses else None, tuple(tasks.c)).order_by(*newest)
        return Query(found.limit(bindparam("limit")).offset(bindparam("offset")))
    # The index by status has no order over several of them: each gives its newest.
    merged = _merged(shape, tuple(tasks.c)).subquery()
    ordered = select(merged).order_by(merged.c.created_at.desc(), merged.c.id.desc())
    return Query(ordered.limit(bindparam("limit")).offset(bindparam("offset")))


@lru_cache(maxsize=128)
def _count(shape: _Shape) -> Query:
    if shape.statuses <= 1:
        capped = _found(shape, 0 if shape.statuses else None, (_T.id,))
        found = capped.limit(bindparam("reach")).subquery()
    else:
        found = _merged(shape, (_T.id, _T.created_at)).subquery()
    return Query(select(func.count().label("total")).select_from(found))


def _merged(shape: _Shape, columns: Sequence[ColumnElement[Any]]) -> Any:
    newest = (_T.created_at.desc(), _T.id.desc())
    parts = [
        _found(shape, number, columns).order_by(*newest).limit(bindparam("reach")).subquery()
        for number in range(shape.statuses)
    ]
    return union_all(*map(select, parts))


def _found(shape: _Shape, status: int | None, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    found = select(*columns).where(_T.tenant == bindparam("tenant"))
    if status is not None:
        found = found.where(_T.status == bindparam(f"status_{status}"))
    for name in shape.columns:
        found = found.where(tasks.c[name] == bindparam(name))
        # Written out as in the partial indexes, which hold but what is unusual.
        if name != "type":
            found = found.where(tasks.c[name] != literal_column("''"))
        elif shape.unusual:
            found = found.where(_T.type != literal_column("'code_generation'"))
    if shape.since:
        found = found.where(_T.created_at >= bindparam("since"))
    if shape.until:
        found = found.where(_T.created_at < bindparam("until"))
    return found
