"""The use cases of API keys: make, list, revoke. And how a key is found and its use noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import bindparam, insert, or_, select, update

from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import NotFound
from lemnos.platform.db import Database, Query, Row, Tx
from lemnos.platform.execute import Door
from lemnos.platform.identity.model import ApiKey, NewKey, digest_of, new_secret, shown
from lemnos.platform.identity.tables import api_keys as table

_MINE = table.c.tenant == bindparam("tenant_")
_INSERT = Query(insert(table).values({c.name: bindparam(c.name) for c in table.c}))
_BY_DIGEST = Query(select(table).where(table.c.digest == bindparam("digest")))
_BY_ID = Query(select(table).where(_MINE, table.c.id == bindparam("id_")))
_LIST = Query(select(table).where(_MINE).order_by(table.c.created_at, table.c.id))
_REVOKE = Query(
    update(table)
    .where(_MINE, table.c.id == bindparam("id_"), table.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("revoked_at"))
)
_USED = Query(
    update(table)
    .where(
        table.c.id == bindparam("id_"),
        or_(table.c.last_used_at.is_(None), table.c.last_used_at < bindparam("before")),
    )
    .values(last_used_at=bindparam("last_used_at"))
)

_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


class ApiKeys:
    """Keys of all tenants. ``on_revoked`` is called with a key's id as soon as it is revoked."""

    def __init__(self, db: Database, door: Door, on_revoked: Callable[[str], None]) -> None:
        self._db = db
        self._door = door
        self._on_revoked = on_revoked

    async def create_key(self, ctx: Context, new: NewKey) -> tuple[ApiKey, str]:
        """Make a key in the caller's tenant; the record, and the key itself, never shown again."""
        return await self._door.do(
            ctx,
            "keys.create",
            lambda tx: self.create(tx, ctx, new),
            target=lambda made: made[0].id,
            detail={"name": new.name, "roles": new.roles, "scopes": new.scopes},
        )

    async def revoke_key(self, ctx: Context, key_id: str) -> ApiKey:
        """Make a key worthless: at once on this node, within ten seconds on others."""
        return await self._door.do(
            ctx, "keys.revoke", lambda tx: self.revoke(tx, ctx, key_id), target=key_id
        )

    async def list_keys(self, ctx: Context) -> list[ApiKey]:
        """All keys of the caller's tenant, oldest first."""
        return [_key(row) for row in await self._db.all(_LIST, {"tenant_": ctx.tenant})]

    async def create(self, tx: Tx, ctx: Context, new: NewKey) -> tuple[ApiKey, str]:
        """:meth:`create_key` inside a transaction of the caller's."""
        now, secret = clock.now(), new_secret()
        new.check(ctx.principal, now)
        key = ApiKey(
            id=ids.new_id("key"),
            tenant=ctx.tenant,
            name=new.name,
            prefix=shown(secret),
            roles=new.roles,
            scopes=new.scopes,
            tier=new.tier,
            created_by=ctx.principal.subject,
            created_at=now,
            expires_at=new.expires_at,
        )
        await tx.run(_INSERT, _values(key, digest_of(secret.encode())))
        return key, secret

    async def revoke(self, tx: Tx, ctx: Context, key_id: str) -> ApiKey:
        """:meth:`revoke_key` inside a transaction of the caller's. Raises ``NotFound``."""
        mine = {"tenant_": ctx.tenant, "id_": key_id}
        await tx.run(_REVOKE, {**mine, "revoked_at": clock.now()})
        row = await tx.one(_BY_ID, mine)
        if row is None:
            raise NotFound("There is no such API key.")
        tx.after_commit(lambda: self._on_revoked(key_id))
        return _key(row)


async def find_key(db: Database, digest: bytes) -> ApiKey | None:
    """The key with this digest, valid or not."""
    row = await db.one(_BY_DIGEST, {"digest": digest})
    return None if row is None else _key(row)


async def note_use(db: Database, used: Mapping[str, int]) -> None:
    """Write down when keys were last used: times by key id."""
    rows = [{"id_": key_id, "last_used_at": ts, "before": ts} for key_id, ts in used.items()]

    async def body(tx: Tx) -> None:
        await tx.many(_USED, rows)

    await db.write(body)


def _values(key: ApiKey, digest: bytes) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(key, name) for name in ApiKey.__dataclass_fields__}
    values["roles"] = msgspec.json.encode(key.roles).decode()
    values["scopes"] = msgspec.json.encode(key.scopes).decode()
    return {**values, "digest": digest}


def _key(row: Row) -> ApiKey:
    values = {name: row[name] for name in ApiKey.__dataclass_fields__}
    values["roles"] = _decode_names(row["roles"])
    values["scopes"] = _decode_names(row["scopes"])
    return ApiKey(**values)
