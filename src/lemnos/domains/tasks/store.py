"""Every query of the tasks domain, each for one tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, func, insert, literal_column, select, tuple_, update

from lemnos.domains.tasks.gating import GateRecord
from lemnos.domains.tasks.model import (
    Changes,
    Iteration,
    Priority,
    PullRequestAsked,
    Status,
    Task,
    TaskConfig,
    TaskType,
    Usage,
)
from lemnos.domains.tasks.tables import iterations, tasks
from lemnos.kernel import ids
from lemnos.kernel.errors import Invalid
from lemnos.kernel.page import Page
from lemnos.platform.db import Database, Query, Row, Tx

_T, _I = tasks.c, iterations.c
_MINE = (_T.tenant == bindparam("tenant"), _T.id == bindparam("id"))
_NTH = (_I.task_id == bindparam("task_id"), _I.number == bindparam("number"))
_MICROSECONDS = re.compile(r"[0-9]{1,18}")
_SHALLOW = 2_000  # rows that may be counted off on the event loop
_COUNT_CAP = 10_000  # a total is counted no further than this

_INSERT = Query(insert(tasks))
_GET = Query(select(tasks).where(*_MINE))
_GET_LOCKED = Query(select(tasks).where(*_MINE).with_for_update())
_STATUS = Query(select(_T.status).where(*_MINE))
_CHILDREN = Query(
    select(_T.id, _T.status)
    .where(
        _T.tenant == bindparam("tenant"),
        _T.parent_id == bindparam("parent_id"),
        _T.parent_id != literal_column("''"),  # written out, for the partial index
    )
    .order_by(_T.created_at, _T.id)
)
_ITERATIONS = Query(
    select(iterations)
    .where(_I.tenant == bindparam("tenant"), _I.task_id == bindparam("task_id"))
    .order_by(_I.number)
)
_ITERATION = Query(select(iterations).where(*_NTH))
_INSERT_ITERATION = Query(insert(iterations))

_task_json = msgspec.json.Encoder().encode
_STATUSES = {status.value: status for status in Status}
_TYPES = {kind.value: kind for kind in TaskType}
_PRIORITIES = {priority.value: priority for priority in Priority}
_config = msgspec.json.Decoder(TaskConfig).decode
_changes = msgspec.json.Decoder(Changes).decode
_gates = msgspec.json.Decoder(GateRecord).decode
_asked = msgspec.json.Decoder(PullRequestAsked).decode


class TaskStore:
    """Tasks and their iterations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, tx: Tx, task: Task) -> None:
        """Add a task with its first iteration, when the transaction ends."""
        first = Iteration(1, task.prompt, Status.PENDING)
        tx.defer(_INSERT, _task_row(task))
        tx.defer(_INSERT_ITERATION, _iteration_row(task, first))

    async def get(self, tenant: str, task_id: str, tx: Tx | None = None) -> Task | None:
        """A task, or None. Within a transaction it is locked until that ends."""
        key = {"tenant": tenant, "id": task_id}
        row = await (tx.one(_GET_LOCKED, key) if tx else self._db.one(_GET, key))
        return task_of(row) if row else None

    async def page(
        self, tenant: str, *, status: str = "", limit: int = 50, offset: int = 0, after: str = ""
    ) -> Page[Task]:
        """Tasks, the newest first; ``after`` is the ``next_key`` of the page before.

        A page by key takes the same time at any depth. An offset has to be counted off, at about
        10,000 rows to a millisecond; a deep one is read where nobody else has to wait for it.
        """
        params: dict[str, Any] = {"tenant": tenant, "limit": limit + 1, "offset": offset}
        if status:
            params["status"] = status
        if after:
            params |= _key_of(after)
        read = self._db.all if offset <= _SHALLOW else self._db.scan
        rows = await read(_page(bool(status), bool(after)), params)
        found = tuple(task_of(row) for row in rows[:limit])
        key = f"{found[-1].created_at}.{found[-1].id}" if len(rows) > limit else None
        return Page(found, None, key)

    async def statuses(self, tenant: str, task_ids: Sequence[str]) -> dict[str, Status]:
        """The status of each task that exists."""
        found: dict[str, Status] = {}
        for task_id in task_ids:
            row = await self._db.one(_STATUS, {"tenant": tenant, "id": task_id})
            if row:
                found[task_id] = Status(row["status"])
        return found

    async def children(
        self, tenant: str, parent_id: str, tx: Tx | None = None
    ) -> dict[str, Status]:
        """The tries of a fan-out in the order in which they were made, and their states."""
        params = {"tenant": tenant, "parent_id": parent_id}
        rows = await (tx or self._db).all(_CHILDREN, params)
        return {row["id"]: _STATUSES[row["status"]] for row in rows}

    async def count(self, tenant: str, status: str = "") -> int:
        """How many there are, counted up to a cap."""
        params = {"tenant": tenant, "cap": _COUNT_CAP} | ({"status": status} if status else {})
        row = await self._db.one(_count(bool(status)), params)
        return int(row["total"]) if row else 0

    async def change(self, tx: Tx, task: Task, **values: Any) -> None:
        """Set columns of a task."""
        query = _update_task(tuple(sorted(values)))
        await tx.run(query, {**_columns(values), "p_tenant": task.tenant, "p_id": task.id})

    async def add_iteration(self, tx: Tx, task: Task, iteration: Iteration) -> None:
        """Append an iteration."""
        await tx.run(_INSERT_ITERATION, _iteration_row(task, iteration))

    async def change_iteration(self, tx: Tx, task_id: str, number: int, **values: Any) -> None:
        """Set columns of an iteration."""
        query = _update_iteration(tuple(sorted(values)))
        await tx.run(query, {**_columns(values), "p_task_id": task_id, "p_number": number})

    async def iterations(self, tenant: str, task_id: str) -> tuple[Iteration, ...]:
        """All iterations in order."""
        rows = await self._db.all(_ITERATIONS, {"tenant": tenant, "task_id": task_id})
        return tuple(_iteration(row) for row in rows)

    async def run_record(self, task_id: str, number: int) -> Row | None:
        """The columns of an iteration that only the runner knows: outcome, node, pgid, …"""
        return await self._db.one(_ITERATION, {"task_id": task_id, "number": number})

    async def gate_record(
        self, task_id: str, number: int, tx: Tx | None = None
    ) -> GateRecord | None:
        """How far the gates of an iteration are; None before they have begun."""
        row = await (tx or self._db).one(_ITERATION, {"task_id": task_id, "number": number})
        return _gates(row["gates"]) if row and row["gates"] else None

    async def pull_request_asked(
        self, tenant: str, task_id: str, tx: Tx | None = None
    ) -> PullRequestAsked:
        """What the pull request under way should say."""
        row = await (tx or self._db).one(_GET, {"tenant": tenant, "id": task_id})
        return _asked(row["pr_request"]) if row and row["pr_request"] else PullRequestAsked()


@lru_cache(maxsize=8)
def _page(by_status: bool, after: bool) -> Query:
    chosen: Select[Any] = select(tasks).where(_T.tenant == bindparam("tenant"))
    if by_status:
        chosen = chosen.where(_T.status == bindparam("status"))
    if after:
        key = tuple_(bindparam("k_created", type_=_T.created_at.type), bindparam("k_id"))
        chosen = chosen.where(tuple_(_T.created_at, _T.id) < key)
    chosen = chosen.order_by(_T.created_at.desc(), _T.id.desc())
    return Query(chosen.limit(bindparam("limit")).offset(bindparam("offset")))


@lru_cache(maxsize=2)
def _count(by_status: bool) -> Query:
    chosen: Select[Any] = select(_T.id).where(_T.tenant == bindparam("tenant"))
    if by_status:
        chosen = chosen.where(_T.status == bindparam("status"))
    capped = chosen.limit(bindparam("cap")).subquery()
    return Query(select(func.count().label("total")).select_from(capped))


@lru_cache(maxsize=64)
def _update_task(names: tuple[str, ...]) -> Query:
    where = (_T.tenant == bindparam("p_tenant"), _T.id == bindparam("p_id"))
    return Query(update(tasks).where(*where).values({name: bindparam(name) for name in names}))


@lru_cache(maxsize=64)
def _update_iteration(names: tuple[str, ...]) -> Query:
    where = (_I.task_id == bindparam("p_task_id"), _I.number == bindparam("p_number"))
    return Query(update(iterations).where(*where).values({name: bindparam(name) for name in names}))


def _key_of(cursor: str) -> dict[str, Any]:
    created, _, task_id = cursor.partition(".")
    if not (_MICROSECONDS.fullmatch(created) and ids.is_uuid(task_id)):
        problem = "must be the next of another page"
        raise Invalid(f"cursor {problem}.", fields={"cursor": problem})
    return {"k_created": int(created), "k_id": task_id}


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Records as their JSON, states as their names."""
    return {
        name: make(value) if (make := _AS_COLUMN.get(type(value))) else value
        for name, value in values.items()
    }


def _as_json(value: object) -> str:
    return _task_json(value).decode()


_AS_COLUMN: Mapping[type, Callable[[Any], str]] = {
    Changes: _as_json,
    GateRecord: _as_json,
    TaskConfig: _as_json,
    PullRequestAsked: _as_json,
    Status: lambda status: status.value,
}


_USAGE = ("input_tokens", "output_tokens", "duration_seconds", "cost_usd")


def usage_columns(usage: Usage | None) -> dict[str, Any]:
    """The columns in which both tables keep a usage."""
    return {name: getattr(usage, name) if usage else None for name in _USAGE}


def _usage(row: Row) -> Usage | None:
    if row["duration_seconds"] is None:
        return None
    return Usage(*(row[name] for name in _USAGE))


def _task_row(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "tenant": task.tenant,
        "created_by": task.created_by,
        "status": task.status.value,
        "repo_url": task.repo_url,
        "prompt": task.prompt,
        "current_prompt": task.current_prompt,
        "iteration": task.iteration,
        "config": _as_json(task.config),
        "sealed": task.sealed,
        "provider_key": task.provider_key,
        "callback_url": task.callback_url,
        "trace_id": task.trace_id,
        "result": task.result,
        "error": task.error,
        "error_class": task.error_class,
        "runtime": task.runtime,
        "runtime_reason": task.runtime_reason,
        "session": task.session,
        "changes": _as_json(task.changes) if task.changes else None,
        **usage_columns(task.usage),
        "branch": task.branch,
        "pr_number": task.pr_number,
        "pr_url": task.pr_url,
        "pushed_commit": task.pushed_commit,
        "pr_request": None,
        "cancel_requested_at": task.cancel_requested_at,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
        "type": task.type.value,
        "priority": task.priority.value,
        "routed": int(task.routed),
        "agent_id": task.agent_id,
        "user_id": task.user_id,
        "parent_id": task.parent_id,
        "gates": _as_json(task.gates) if task.gates else None,
    }


def task_of(row: Row) -> Task:
    """A row as a record.

    Taken apart in the order of the table's columns: SQLite's rows look a name up by comparing it
    with one column after the other.
    """
    (
        task_id,
        tenant,
        created_by,
        status,
        repo_url,
        prompt,
        current_prompt,
        iteration,
        config,
        sealed,
        provider_key,
        callback_url,
        trace_id,
        result,
        error,
        error_class,
        runtime,
        runtime_reason,
        session,
        changes,
        input_tokens,
        output_tokens,
        duration_seconds,
        cost_usd,
        branch,
        pr_number,
        pr_url,
        pushed_commit,
        _pr_request,
        cancel_requested_at,
        created_at,
        started_at,
        finished_at,
        kind,
        priority,
        routed,
        agent_id,
        user_id,
        parent_id,
        gates,
    ) = row
    used = duration_seconds is not None
    return Task(
        task_id,
        tenant,
        created_by,
        _STATUSES[status],
        repo_url,
        prompt,
        current_prompt,
        iteration,
        _config(config),
        provider_key,
        callback_url,
        created_at,
        trace_id,
        result,
        error,
        error_class,
        runtime,
        runtime_reason,
        session,
        _changes(changes) if changes else None,
        Usage(input_tokens, output_tokens, duration_seconds, cost_usd) if used else None,
        branch,
        pr_number,
        pr_url,
        pushed_commit,
        cancel_requested_at,
        started_at,
        finished_at,
        sealed,
        _TYPES[kind],
        _PRIORITIES[priority],
        bool(routed),
        agent_id,
        user_id,
        parent_id,
        _gates(gates) if gates else None,
    )


def _iteration_row(task: Task, iteration: Iteration) -> dict[str, Any]:
    return _columns(
        {
            "task_id": task.id,
            "number": iteration.number,
            "tenant": task.tenant,
            "prompt": iteration.prompt,
            "status": iteration.status,
            "result": iteration.result,
            "error": iteration.error,
            "changes": iteration.changes,
            "session": iteration.session,
            "outcome": None,
            "node": None,
            "pgid": None,
            "started_ticks": None,
            "gates": iteration.gates,
            "started_at": iteration.started_at,
            "ended_at": iteration.ended_at,
            **usage_columns(iteration.usage),
        }
    )


def _iteration(row: Row) -> Iteration:
    changes = row["changes"]
    return Iteration(
        row["number"],
        row["prompt"],
        Status(row["status"]),
        row["result"],
        row["error"],
        _changes(changes) if changes else None,
        _usage(row),
        row["session"],
        row["started_at"],
        row["ended_at"],
        _gates(row["gates"]) if row["gates"] else None,
    )
