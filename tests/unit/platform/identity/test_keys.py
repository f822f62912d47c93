"""The life of an API key."""

from __future__ import annotations

import asyncio
import re
import time
from hashlib import sha256

import pytest
from sqlalchemy import text

from lemnos.kernel import clock
from lemnos.kernel.context import Context, Principal
from lemnos.kernel.errors import Forbidden, Invalid, NotFound, Unauthenticated
from lemnos.platform.audit import AuditLog, Sealer
from lemnos.platform.db import Database, Query
from lemnos.platform.identity import NewKey, cache, service
from lemnos.platform.identity.keys import find_key
from lemnos.platform.identity.model import digest_of
from tests.unit.platform.identity.conftest import Node, make_node

ROW = Query(text("SELECT * FROM api_keys"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch):
    """Let time pass for the cache alone."""
    passed = [0.0]
    monkeypatch.setattr(
        "lemnos.platform.identity.cache.monotonic", lambda: time.monotonic() + passed[0]
    )

    def wait(seconds: float) -> None:
        passed[0] += seconds

    return wait


async def test_a_key_names_its_caller(node: Node, ctx: Context):
    key, secret = await node.keys.create_key(
        ctx, NewKey("ci", ("developer",), ("tasks:*",), tier="premium")
    )
    caller = await node.identity.authenticate(secret)
    assert caller == Principal(
        "acme", key.id, ("developer",), frozenset({"tasks:read", "tasks:write"}), "premium", key.id
    )
    assert re.fullmatch(r"lk_[A-Za-z0-9_-]{43}", secret)


async def test_only_its_digest_is_kept(node: Node, database: Database, ctx: Context):
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    row = await database.one(ROW)
    assert row is not None
    assert bytes(row["digest"]) == sha256(secret.encode()).digest()
    kept = " ".join(str(value) for value in tuple(row))
    assert secret not in kept
    assert secret[11:] not in kept
    assert key.prefix == secret[:11]


async def test_making_and_revoking_are_audited_without_the_key(
    node: Node, database: Database, ctx: Context
):
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    await node.keys.revoke_key(ctx, key.id)
    audit = AuditLog(database)
    await Sealer(database, audit).seal_all()
    entries = await audit.entries("acme")
    assert [(e.action, e.target) for e in entries] == [
        ("keys.create", key.id),
        ("keys.revoke", key.id),
    ]
    assert secret[11:] not in str(entries)


async def test_the_fast_path_knows_what_was_checked(node: Node, ctx: Context):
    secret = await node.key(ctx)
    assert node.identity.cached(secret.encode()) is None
    caller = await node.identity.authenticate(secret)
    assert node.identity.cached(secret.encode()) is caller
    assert node.identity.cached(secret.encode() + b"x") is None
    assert node.identity.cached(b"") is None


async def test_a_revoked_key_is_refused_at_once(node: Node, ctx: Context):
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    other = await node.key(ctx)
    for credential in (secret, other):
        await node.identity.authenticate(credential)

    revoked = await node.keys.revoke_key(ctx, key.id)
    assert revoked.revoked_at is not None
    assert node.identity.cached(secret.encode()) is None
    with pytest.raises(Unauthenticated):
        await node.identity.authenticate(secret)
    assert node.identity.cached(other.encode()) is not None

    again = await node.keys.revoke_key(ctx, key.id)
    assert again.revoked_at == revoked.revoked_at


async def test_another_node_refuses_it_within_ten_seconds(
    node: Node, database: Database, ctx: Context, later
):
    other = make_node(database)  # the same database, a cache of its own
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    await other.identity.authenticate(secret)
    await node.keys.revoke_key(ctx, key.id)

    later(service.KEY_SECONDS - 1)
    assert other.identity.cached(secret.encode()) is not None
    later(1)
    assert other.identity.cached(secret.encode()) is None
    with pytest.raises(Unauthenticated):
        await other.identity.authenticate(secret)


async def test_a_check_that_overlaps_a_revocation_is_not_remembered(
    node: Node, ctx: Context, monkeypatch: pytest.MonkeyPatch
):
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow(db: Database, digest: bytes):
        found = await find_key(db, digest)
        read.set()
        await go_on.wait()
        return found

    monkeypatch.setattr("lemnos.platform.identity.service.find_key", slow)
    check = asyncio.create_task(node.identity.authenticate(secret))
    await read.wait()
    await node.keys.revoke_key(ctx, key.id)
    go_on.set()
    await check  # it began before the revocation
    assert node.identity.cached(secret.encode()) is None


async def test_an_expired_key_is_refused(node: Node, ctx: Context, monkeypatch, later):
    soon = clock.now() + 5 * clock.SECOND
    _, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",), expires_at=soon))
    await node.identity.authenticate(secret)
    later(5)  # before the ten seconds of the cache are over
    assert node.identity.cached(secret.encode()) is None

    monkeypatch.setattr(clock, "now", lambda: soon)
    with pytest.raises(Unauthenticated):
        await node.identity.authenticate(secret)


@pytest.mark.parametrize(
    "credential",
    ["", "lk_", "lk_" + "A" * 43, "lk_" + "ü" * 43, "Bearer x", "a.b", "a.b.c.d", "\0", "ü.ü.ü"],
)
async def test_what_is_no_credential_is_refused(node: Node, credential: str):
    with pytest.raises(Unauthenticated) as refused:
        await node.identity.authenticate(credential)
    assert not credential or credential not in refused.value.message


async def test_unknown_revoked_and_expired_keys_are_refused_alike(node: Node, ctx: Context):
    key, secret = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    await node.keys.revoke_key(ctx, key.id)
    told = set()
    for credential in (secret, "lk_" + "A" * 43, "lk_short"):
        with pytest.raises(Unauthenticated) as refused:
            await node.identity.authenticate(credential)
        told.add(refused.value.message)
    assert len(told) == 1


async def test_keys_of_another_tenant_do_not_exist(node: Node, ctx: Context):
    key, _ = await node.keys.create_key(ctx, NewKey("ci", ("developer",)))
    stranger = Context(Principal("other", "eve", ("owner",), frozenset({"*"})), "req-2")
    assert await node.keys.list_keys(stranger) == []
    with pytest.raises(NotFound):
        await node.keys.revoke_key(stranger, key.id)
    (mine,) = await node.keys.list_keys(ctx)
    assert mine == key
    assert mine.revoked_at is None


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewKey("", ("viewer",)), "name"),
        (NewKey("n" * 101, ("viewer",)), "name"),
        (NewKey("ci", ()), "roles"),
        (NewKey("ci", ("root",)), "roles"),
        (NewKey("ci", ("viewer",), ("nothing:read",)), "scopes"),
        (NewKey("ci", ("viewer",), tier="infinite"), "tier"),
        (NewKey("ci", ("viewer",), expires_at=1), "expires_at"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    node: Node, ctx: Context, new: NewKey, field: str
):
    with pytest.raises(Invalid) as refused:
        await node.keys.create_key(ctx, new)
    assert list(refused.value.fields) == [field]
    assert await node.keys.list_keys(ctx) == []


async def test_nobody_hands_on_more_than_they_have(node: Node, ctx: Context):
    admin = await node.identity.authenticate(await node.key(ctx, "admin"))
    maker = Context(admin, "req-2")
    await node.keys.create_key(maker, NewKey("less", ("developer",)))
    await node.keys.create_key(maker, NewKey("narrowed", ("owner",), ("tasks:*",)))
    with pytest.raises(Forbidden):
        await node.keys.create_key(maker, NewKey("more", ("owner",)))


async def test_last_use_is_written_in_batches(node: Node, database: Database, ctx: Context):
    secrets = [await node.key(ctx) for _ in range(3)]
    before = clock.now()
    for secret in secrets[:2]:
        await node.identity.authenticate(secret)
    assert all(key.last_used_at is None for key in await node.keys.list_keys(ctx))

    await node.identity.start()
    await node.identity.stop()
    used = [key.last_used_at for key in await node.keys.list_keys(ctx)]
    assert used[2] is None
    assert all(ts is not None and ts >= before for ts in used[:2])


def test_the_cache_is_bounded_and_drops_the_oldest():
    entries = cache.CredentialCache(size=3)
    for number in range(5):
        caller = Principal("acme", str(number))
        entries.put(digest_of(b"%d" % number), caller, 10, entries.epoch)
    kept = [number for number in range(5) if entries.get(b"%d" % number)]
    assert kept == [2, 3, 4]
