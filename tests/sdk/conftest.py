"""A running Lemnos with a repository to work on, and the SDKs as they are shipped."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.scene import FILES, REPOSITORY
from tests.sdk.programs import ROOT
from tests.support.fixtures import TOKEN
from tests.support.git_http import GitServer
from tests.support.sink import WebhookSink

SETTINGS = ("ORCHEX_BASE_URL", "ORCHEX_API_KEY", "LEMNOS_URL", "LEMNOS_API_KEY")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests stay outside."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host with a repository that asks for TOKEN."""
    with GitServer(tmp_path_factory.mktemp("git"), TOKEN) as running:
        running.create(REPOSITORY, FILES)
        yield running


@pytest.fixture(scope="module")
def repo_url(host: GitServer) -> str:
    return host.repository_url(REPOSITORY)


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the npm tarball, built as `make sdk` builds them."""
    if not (ROOT / "sdk" / "typescript" / "node_modules" / "typescript").exists():
        pytest.skip("NOT TESTED: sdk/typescript/node_modules is missing; run `make setup`")
    folder = tmp_path_factory.mktemp("artifacts")
    subprocess.run([ROOT / "tools" / "build-sdk.sh", folder], check=True)
    return folder


@pytest.fixture
def sink() -> Iterator[WebhookSink]:
    with WebhookSink() as running:
        yield running
