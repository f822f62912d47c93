"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.tasks.stage import Stage, staged


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def dsn(request: pytest.FixtureRequest) -> str:
    """Nothing for SQLite, else a PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("migrated_dsn"))


@pytest.fixture
async def stage(dsn: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path, dsn) as running:
        yield running
