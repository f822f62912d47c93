"""Fixtures for what stands on a database: each test runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lemnos.kernel.context import Context, Principal
from lemnos.platform.audit import AuditLog
from lemnos.platform.db import Database
from lemnos.platform.execute import Door
from lemnos.platform.secrets import Vault
from tests.unit.platform.stores import KINDS, fresh, opened


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    postgres = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return fresh(request.param, tmp_path, postgres)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as db:
        yield db


@pytest.fixture
def audit(database: Database) -> AuditLog:
    return AuditLog(database)


@pytest.fixture
def door(database: Database, audit: AuditLog) -> Door:
    return Door(database, audit, Vault(bytes(range(32))))


@pytest.fixture
def ctx() -> Context:
    """An owner of the tenant ``acme``."""
    owner = Principal("acme", "ada", ("owner",), frozenset({"*"}))
    return Context(owner, "req-1", remote="192.0.2.1")
