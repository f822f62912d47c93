"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lemnos.platform.db.schema import create_all
from tests.conformance.agents.registry import Registry, running
from tests.conformance.database.servers import KINDS, fresh_url
from tests.support.loopback import LoopbackServer, Reply, Request


class Endpoint(LoopbackServer):
    """A model endpoint that answers with whatever status it is given, and keeps the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.requests: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        return Reply.json({"data": []}, self.status)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh_url(request.param, tmp_path)


@pytest.fixture
async def registry(url: str, tmp_path: Path, endpoint: Endpoint):
    async with running(url, tmp_path / "one", endpoint.url) as registry:
        await create_all(registry.db)
        yield registry


@pytest.fixture
async def other_node(registry: Registry, url: str, tmp_path: Path, endpoint: Endpoint):
    """A second node on the same database; where that is SQLite, there is only one."""
    if registry.db.dialect == "sqlite":
        yield registry
        return
    async with running(url, tmp_path / "two", endpoint.url) as other:
        yield other
