"""Each test of this suite runs on SQLite and on PostgreSQL, and sends to a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemnos.platform.db.schema import create_all
from lemnos.platform.webhooks import model
from tests.conformance.database.servers import KINDS, fresh_url, opened
from tests.conformance.webhooks.node import Node, running
from tests.support.sink import WebhookSink


@pytest.fixture(autouse=True)
def far_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry comes in an hour, so that one that comes at once was brought forward."""
    monkeypatch.setattr(model, "SCHEDULE", (3600.0,) * len(model.SCHEDULE))


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as running_sink:
        yield running_sink


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    return fresh_url(request.param, tmp_path)


@pytest.fixture
async def node(url: str):
    async with opened(url) as db:
        await create_all(db)
        async with running(Node(db)) as made:
            yield made
