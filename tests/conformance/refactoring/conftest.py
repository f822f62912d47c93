"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lemnos.platform.db import Database
from lemnos.platform.db.schema import create_all
from tests.conformance.database.servers import KINDS, fresh_url, opened


@pytest.fixture(params=KINDS)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(fresh_url(request.param, tmp_path)) as database:
        await create_all(database)
        yield database
