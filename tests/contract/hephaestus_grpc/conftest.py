"""One server for all tests of the interface, and projects to send it to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.hephaestus_grpc.rpc import Client, address_of
from tests.support.server import LemnosServer

MakeProject = Callable[..., Path]
PYPROJECT = """
[project]
name = "forge"
version = "1"
requires-python = ">=3.11"

[tool.ruff.lint]
select = ["F"]
"""


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LemnosServer]:
    """A server with gRPC on a free port."""
    folder = tmp_path_factory.mktemp("grpc")
    with LemnosServer(folder, env={"LEMNOS_GRPC_PORT": "0"}) as running:
        yield running


@pytest.fixture(scope="package")
def client(server: LemnosServer) -> Iterator[Client]:
    """The owner's client, with the generated stubs."""
    with Client(address_of(server), server.key) as made:
        yield made


@pytest.fixture(scope="package")
def make_project(server: LemnosServer) -> MakeProject:
    """Makes projects below the server's folder, from files by path."""
    numbers = itertools.count()

    def make(files: dict[str, str] | None = None) -> Path:
        root = server.folder / f"project-{next(numbers)}"
        for path, text in ({"pyproject.toml": PYPROJECT} | (files or {})).items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return root

    return make
