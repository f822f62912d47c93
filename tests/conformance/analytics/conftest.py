"""Each test of this suite runs on SQLite and on PostgreSQL, with the schema of a server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lemnos.platform.db import Database
from lemnos.platform.db.migrate import migrate
from tests.conformance.database.servers import KINDS, fresh_url, opened


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    url = fresh_url(request.param, tmp_path)
    migrate(url)
    return url


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with opened(url) as database:
        yield database
