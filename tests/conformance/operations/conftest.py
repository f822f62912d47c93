"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lemnos.platform.db.migrate import migrate
from tests.conformance.operations.stage import Stage, staged


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Nothing for SQLite, else a PostgreSQL database; its schema is in place."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("migrated_dsn"))
    migrate(f"sqlite:///{tmp_path}/lemnos.db")
    return ""


@pytest.fixture
async def stage(dsn: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, dsn) as running:
        yield running
