"""Every query of operations, each for one tenant."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import Select, bindparam, insert, select, tuple_, update

from lemnos.domains.operations.model import Kind, Operation, Status
from lemnos.domains.operations.tables import operations
from lemnos.kernel.errors import Invalid
from lemnos.kernel.page import Page
from lemnos.platform.db import Database, Query, Row, Tx

_SHALLOW = 2_000  # rows that may be counted off on the event loop
_CURSOR = re.compile(r"([0-9]{1,18})\.(task-[0-9a-z]{26})")

_O = operations.c
_MINE = (_O.tenant == bindparam("tenant"), _O.id == bindparam("id"))
_LISTED = [column for column in _O if column.name != "result"]

_INSERT = Query(insert(operations))
_GET = Query(select(operations).where(*_MINE))
_GET_LOCKED = Query(select(operations).where(*_MINE).with_for_update())
_GLANCE = Query(select(*_LISTED).where(*_MINE))

_json = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class OperationStore:
    """Operations with their results."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, tx: Tx, operation: Operation) -> None:
        """Add an operation when the transaction ends."""
        tx.defer(_INSERT, _row(operation))

    async def get(self, tenant: str, operation_id: str, tx: Tx | None = None) -> Operation | None:
        """An operation, or None. Within a transaction it is locked until that ends."""
        key = {"tenant": tenant, "id": operation_id}
        row = await (tx.one(_GET_LOCKED, key) if tx else self._db.one(_GET, key))
        return _operation(row, row["result"]) if row else None

    async def glance(self, tenant: str, operation_id: str) -> Operation | None:
        """The same without its result, which may be long."""
        row = await self._db.one(_GLANCE, {"tenant": tenant, "id": operation_id})
        return _operation(row) if row else None

    async def page(
        self,
        tenant: str,
        *,
        kind: str = "",
        status: str = "",
        limit: int = 50,
        offset: int = 0,
        after: str = "",
    ) -> Page[Operation]:
        """Operations without their results, the newest first.

        ``after`` is the ``next_key`` of the page before: such a page takes the same time at any
        depth. An offset has to be counted off.
        """
        given = {"kind": kind, "status": status}
        wanted = {name: value for name, value in given.items() if value}
        params: dict[str, Any] = {"tenant": tenant, "limit": limit + 1, "offset": offset, **wanted}
        if after:
            params |= _key_of(after)
        read = self._db.all if offset <= _SHALLOW else self._db.scan
        rows = await read(_page(tuple(sorted(wanted)), bool(after)), params)
        found = tuple(_operation(row) for row in rows[:limit])
        more = len(rows) > limit
        return Page(found, None, f"{found[-1].created_at}.{found[-1].id}" if more else None)

    async def change(self, tx: Tx, operation: Operation, **values: Any) -> bool:
        """Set columns of an operation; False when it has ended, and so changes no more."""
        columns = {f"new_{name}": _column(value) for name, value in values.items()}
        key = {"tenant": operation.tenant, "id": operation.id}
        return await tx.run(_update(tuple(sorted(values))), {**columns, **key}) > 0


@lru_cache(maxsize=16)
def _page(filters: tuple[str, ...], after: bool) -> Query:
    chosen: Select[Any] = select(*_LISTED).where(_O.tenant == bindparam("tenant"))
    for name in filters:
        chosen = chosen.where(_O[name] == bindparam(name))
    if after:
        key = tuple_(bindparam("k_created", type_=_O.created_at.type), bindparam("k_id"))
        chosen = chosen.where(tuple_(_O.created_at, _O.id) < key)
    chosen = chosen.order_by(_O.created_at.desc(), _O.id.desc())
    return Query(chosen.limit(bindparam("limit")).offset(bindparam("offset")))


@lru_cache(maxsize=32)
def _update(names: tuple[str, ...]) -> Query:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return Query(update(operations).where(*_MINE, _O.ended_at.is_(None)).values(**values))


def _key_of(cursor: str) -> dict[str, Any]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        problem = "must be the next of another page"
        raise Invalid(f"cursor {problem}.", fields={"cursor": problem})
    return {"k_created": int(match[1]), "k_id": match[2]}


def encoded(value: Mapping[str, Any]) -> bytes:
    """JSON. Names of files may hold what is no text at all: that is shown as a replacement."""
    try:
        return _json(value)
    except UnicodeEncodeError:
        return _json(_readable(value))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="replace")
    if isinstance(value, Mapping):
        return {_readable(key): _readable(one) for key, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list | tuple) else value


def _column(value: Any) -> Any:
    if isinstance(value, Mapping):
        return encoded(value).decode()
    return value.value if isinstance(value, Status) else value


def packed(content: bytes) -> bytes:
    """An encoded result as it is stored."""
    return zlib.compress(content, 1)


def _row(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "tenant": operation.tenant,
        "created_by": operation.created_by,
        "kind": operation.kind.value,
        "status": operation.status.value,
        "request": encoded(operation.request).decode(),
        "progress": operation.progress,
        "stage": operation.stage,
        "result": None,
        "error": operation.error,
        "error_code": operation.error_code,
        "error_kind": operation.error_kind,
        "error_fields": "{}",
        "trace_id": operation.trace_id,
        "cancel_requested_at": operation.cancel_requested_at,
        "created_at": operation.created_at,
        "started_at": operation.started_at,
        "ended_at": operation.ended_at,
    }


def _operation(row: Row, result: bytes | None = None) -> Operation:
    return Operation(
        id=row["id"],
        tenant=row["tenant"],
        created_by=row["created_by"],
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        request=_decode(row["request"]),
        created_at=row["created_at"],
        trace_id=row["trace_id"],
        progress=row["progress"],
        stage=row["stage"],
        result=_decode(zlib.decompress(result)) if result else None,
        error=row["error"],
        error_code=row["error_code"],
        error_kind=row["error_kind"],
        error_fields=_decode(row["error_fields"]),
        cancel_requested_at=row["cancel_requested_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )
