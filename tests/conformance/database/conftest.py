"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.conformance.database.servers import KINDS, fresh_url, opened
from tests.conformance.database.things import CREATE


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    return fresh_url(request.param, tmp_path)


@pytest.fixture
async def db(url: str):
    async with opened(url) as database:
        await database.write(CREATE)
        yield database
