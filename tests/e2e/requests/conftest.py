"""The server that is attacked, and what must hold after every attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import LemnosServer, prepare_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def plain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LemnosServer]:
    """A server as anyone would start it: no private host may be named."""
    dsn = ""
    if request.param == "postgresql":
        dsn = request.getfixturevalue("postgres").create_database(prepare_database)
    with LemnosServer(tmp_path_factory.mktemp("hostile"), database_url=dsn) as running:
        yield running


@pytest.fixture(autouse=True)
def _survives(plain: LemnosServer) -> Iterator[None]:
    """After each test the server is the same process, ready, and has logged no failure."""
    before = len(plain.log)
    yield
    assert plain.process.poll() is None
    assert plain.client.get("/ready").status_code == 200
    assert '"event":"request failed"' not in plain.log[before:]
