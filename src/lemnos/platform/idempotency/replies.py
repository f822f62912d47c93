"""Keeping answers, in the transaction of what they answer or around longer work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from lemnos.kernel import clock
from lemnos.kernel.context import Context
from lemnos.kernel.errors import Conflict
from lemnos.platform.db import Database, Query, Row, Tx
from lemnos.platform.db.errors import UniqueViolation
from lemnos.platform.idempotency.model import (
    IdempotencyKeyReused,
    Once,
    Reply,
    RequestInFlight,
    scope_of,
)
from lemnos.platform.idempotency.tables import idempotency_keys as table
from lemnos.platform.secrets import Vault

KEEP = 24 * 3600 * clock.SECOND
RESERVED = 15 * 60 * clock.SECOND  # after this long, the process that reserved is taken for dead
_RETRY_AFTER = 2.0  # seconds
_PRUNE_ROWS = 1000
_OPEN = 0
_SECRET = "idempotency/"  # noqa: S105 - the first part of a name in the vault

Statement = tuple[Query, Mapping[str, Any]]

_INSERT = Query(
    insert(table).values({c.name: bindparam(c.name) for c in table.c if c.name != "id"})
)
_FIND = Query(select(table).where(table.c.scope == bindparam("scope")))
_MINE = (table.c.scope == bindparam("scope_")) & (table.c.status == _OPEN)
_TAKE_OVER = Query(
    update(table)
    .where(_MINE, table.c.created_at == bindparam("was"), table.c.digest == bindparam("digest_"))
    .values(created_at=bindparam("created_at"))
)
_COMPLETE = Query(
    update(table)
    .where(_MINE)
    .values({name: bindparam(name) for name in ("status", "headers", "body", "sealed")})
)
_RELEASE = Query(delete(table).where(_MINE))
_OLDEST = select(table.c.id).order_by(table.c.id).limit(_PRUNE_ROWS).scalar_subquery()
_PRUNE = Query(
    delete(table).where(table.c.id.in_(_OLDEST), table.c.created_at < bindparam("before"))
)

_encode_headers = msgspec.json.Encoder().encode
_decode_headers = msgspec.json.Decoder(tuple[tuple[str, str], ...]).decode


class Replies:
    """The answers of the last 24 hours (at least: until they are pruned).

    The unique row decides which of several requests with one key is the first. Only answers to
    what was done are kept: a request that failed may be tried again with its key.
    Without a ``vault``, a confidential answer is not kept and cannot be given again.
    """

    def __init__(self, db: Database, vault: Vault | None = None) -> None:
        self._db = db
        self._vault = vault

    async def find(self, ctx: Context, once: Once) -> Reply | None:
        """The answer that was given, None if there was no such request.

        Raises :class:`IdempotencyKeyReused` and :class:`RequestInFlight`.
        """
        row = await self._db.one(_FIND, {"scope": scope_of(ctx, once)})
        return None if row is None else self._reply(row, once)

    def keep(self, ctx: Context, once: Once, reply: Reply) -> Statement:
        """The statement that keeps an answer; it violates a unique key if there is one."""
        return _INSERT, self._values(ctx.tenant, scope_of(ctx, once), once, reply)

    # --- work that does not fit in one transaction ---------------------------------------------

    async def reserve(self, ctx: Context, once: Once) -> Reply | None:
        """Claim a request before working on it; None: it is the caller's to do.

        Otherwise the answer, or an error, as :meth:`find`. A claim is followed by
        :meth:`complete` or :meth:`release`. One whose process died is taken over after 15
        minutes, so the work must bear being done again after a crash.
        """
        scope, now = scope_of(ctx, once), clock.now()
        claim = self._values(ctx.tenant, scope, once, Reply(_OPEN, b""), now)

        async def insert_claim(tx: Tx) -> None:
            await tx.run(_INSERT, claim)

        try:
            await self._db.write(insert_claim)
        except UniqueViolation:
            return await self._take_over_or_reply(scope, once, now)
        return None

    async def complete(self, ctx: Context, once: Once, reply: Reply) -> None:
        """Keep the answer to a claimed request."""
        values = self._values(ctx.tenant, scope_of(ctx, once), once, reply)
        values["scope_"] = values["scope"]

        async def body(tx: Tx) -> None:
            await tx.run(_COMPLETE, values)

        await self._db.write(body)

    async def release(self, ctx: Context, once: Once) -> None:
        """Give up a claim, as the work failed: the next request may try."""
        scope = scope_of(ctx, once)

        async def body(tx: Tx) -> None:
            await tx.run(_RELEASE, {"scope_": scope})

        await self._db.write(body)

    async def prune(self) -> int:
        """Forget what is older than 24 hours; the number of rows. To be run every hour or so."""
        pruned, total, before = _PRUNE_ROWS, 0, clock.now() - KEEP

        async def body(tx: Tx) -> int:
            return await tx.run(_PRUNE, {"before": before})

        while pruned == _PRUNE_ROWS:
            pruned = await self._db.write(body)
            total += pruned
        return total

    async def _take_over_or_reply(self, scope: bytes, once: Once, now: int) -> Reply | None:
        row = await self._db.one(_FIND, {"scope": scope})
        if row is None:  # released in between
            raise RequestInFlight(_RETRY_AFTER)
        if row["status"] != _OPEN or row["created_at"] > now - RESERVED:
            return self._reply(row, once)
        claim = {"scope_": scope, "was": row["created_at"], "digest_": once.digest}

        async def body(tx: Tx) -> int:
            return await tx.run(_TAKE_OVER, {**claim, "created_at": now})

        if await self._db.write(body) == 0:
            return self._reply(row, once)
        return None

    def _values(
        self, tenant: str, scope: bytes, once: Once, reply: Reply, now: int | None = None
    ) -> dict[str, Any]:
        return {
            "tenant": tenant,
            "scope": scope,
            "digest": once.digest,
            "created_at": now or clock.now(),
            "status": reply.status,
            "headers": _encode_headers(reply.headers).decode(),
            "body": self._seal(tenant, scope, reply.body) if reply.confidential else reply.body,
            "sealed": int(reply.confidential),
        }

    def _seal(self, tenant: str, scope: bytes, body: bytes) -> bytes:
        return self._vault.seal(tenant, _SECRET + scope.hex(), body) if self._vault else b""

    def _reply(self, row: Row, once: Once) -> Reply:
        if row["digest"] != once.digest:
            raise IdempotencyKeyReused
        if row["status"] == _OPEN:
            raise RequestInFlight(_RETRY_AFTER)
        body = row["body"]
        if row["sealed"]:
            if self._vault is None:
                raise Conflict("This was done. Its answer held a secret and was shown once only.")
            body = self._vault.open(row["tenant"], _SECRET + row["scope"].hex(), body)
        headers = _decode_headers(row["headers"])
        return Reply(row["status"], body, headers, replayed=True, confidential=bool(row["sealed"]))
