"""The stand-ins as pytest fixtures, loaded by `tests/conftest.py`.

Servers that keep data are started once for a run and give each test its own database; the rest
start anew for each test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forge import Forge
from tests.support.git_http import GitServer
from tests.support.hostile import HostileRepository
from tests.support.model_endpoint import ModelEndpoint
from tests.support.npm import require_cli
from tests.support.oidc import OidcIssuer
from tests.support.services import Postgres, Valkey
from tests.support.sink import WebhookSink

TOKEN = "stand-in-token-4f9c"


@pytest.fixture
def model_endpoint() -> Iterator[ModelEndpoint]:
    """A running endpoint without a script: give it one with `play(...)`."""
    with ModelEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    """A git host that asks for TOKEN."""
    with GitServer(tmp_path / "git-server", TOKEN) as server:
        yield server


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    """Git and the three forge APIs on one origin, all asking for TOKEN."""
    with Forge(tmp_path / "forge", TOKEN) as running:
        yield running


@pytest.fixture
def oidc_issuer() -> Iterator[OidcIssuer]:
    with OidcIssuer() as issuer:
        yield issuer


@pytest.fixture
def webhook_sink() -> Iterator[WebhookSink]:
    with WebhookSink() as sink:
        yield sink


@pytest.fixture
def hostile_repository(tmp_path: Path) -> HostileRepository:
    """Only its README is harmless so far; `add_all()` adds the attacks."""
    return HostileRepository(tmp_path / "hostile.git")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One cluster for the run. A test that stops it must start it again."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as cluster:
        yield cluster


@pytest.fixture
def postgres_dsn(postgres: Postgres) -> Iterator[str]:
    """An empty database of the test's own."""
    dsn = postgres.create_database()
    yield dsn
    postgres.drop_database(dsn)


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """One server for the run; a test that needs it empty asks for `valkey_url`."""
    with Valkey() as server:
        yield server


@pytest.fixture
def valkey_url(valkey: Valkey) -> str:
    """The URL of a server that is empty."""
    valkey.flush()
    return valkey.url


@pytest.fixture
def claude_cli() -> Path:
    """The real Claude Code; skips, and says so, where it is not installed."""
    return require_cli("claude")


@pytest.fixture
def codex_cli() -> Path:
    """The real Codex; skips, and says so, where it is not installed."""
    return require_cli("codex")
