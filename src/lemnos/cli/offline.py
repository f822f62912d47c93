"""Commands that work on the data folder itself: API keys and the audit log.

They open the database beside a running server, or without one, and enter by the same door as
everything else, so that what they change is audited. Who can read the data folder owns all that
is in it, so no key is asked for.
"""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from lemnos.cli.discovery import local_settings
from lemnos.cli.errors import NoData
from lemnos.kernel import ids
from lemnos.kernel.context import Context, Principal
from lemnos.platform.audit import AuditLog
from lemnos.platform.db import Database
from lemnos.platform.execute import Door
from lemnos.platform.identity import ApiKeys

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Offline:
    """The few services that these commands need, on an open database."""

    ctx: Context
    audit: AuditLog
    keys: ApiKeys


def offline(
    data: str | None, database_url: str | None, work: Callable[[Offline], Awaitable[T]]
) -> T:
    """Open the database, run the work, close it again."""
    from lemnos import foundation
    from lemnos.platform.db.connect import open_database
    from lemnos.platform.db.migrate import check, ensure_schema

    settings = local_settings(data, database_url=database_url)
    url = foundation.database_url(settings)
    if not settings.database_url and not settings.data_dir.is_dir():
        raise NoData(settings.data_dir)
    if not check(url):
        ensure_schema(url)
    ctx = Context(_operator(foundation.TENANT), ids.new_id("cli"))
    return asyncio.run(_with(open_database(url, exclusive=False), ctx, work))


async def _with(db: Database, ctx: Context, work: Callable[[Offline], Awaitable[T]]) -> T:
    await db.start()
    try:
        audit = AuditLog(db)
        return await work(Offline(ctx, audit, ApiKeys(db, Door(db, audit), _nobody)))
    finally:
        await db.stop()


def _operator(tenant: str) -> Principal:
    """Whoever is logged in on this machine, as the audit log shows them."""
    return Principal(tenant, f"cli:{getpass.getuser()}", ("owner",), frozenset({"*"}), "internal")


def _nobody(_key_id: str) -> None:
    """No process of ours caches keys; a server trusts a revoked one for ten seconds at most."""
