"""Servers for end-to-end and contract tests: one for each module, and makers of special ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import LemnosServer, prepare_database
from tests.support.services import Postgres

MakeServer = Callable[..., LemnosServer]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LemnosServer]:
    """A server on SQLite that the tests of a module share; loopback hosts may be named."""
    folder = tmp_path_factory.mktemp("lemnos")
    with LemnosServer(folder, allowed_hosts=["127.0.0.1"]) as running:
        yield running


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers that are not started yet; all are stopped in the end."""
    made: list[LemnosServer] = []

    def make(name: str = "lemnos", **options: Any) -> LemnosServer:
        made.append(LemnosServer(tmp_path / name, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def migrated_dsn(postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database of the test's own, its schema in place."""
    dsn = postgres.create_database(prepare_database)
    yield dsn
    postgres.drop_database(dsn)
