"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from lemnos.platform.db.schema import create_all
from tests.conformance.database.servers import KINDS, fresh_url, opened
from tests.conformance.events.node import Node, running


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    return fresh_url(request.param, tmp_path)


@pytest.fixture
async def node(url: str):
    async with opened(url) as db:
        await create_all(db)
        async with running(Node(db)) as node:
            yield node
