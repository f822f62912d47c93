"""One site for all tests of the document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.codeforge.site import Site, built
from tests.support.git_http import GitFault


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built(tmp_path_factory.mktemp("codeforge")) as made:
        yield made


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The site as it is at first: no fault armed, no MCP servers."""
    shared_site.forge.git.recover()
    shared_site.forge.fail(None)
    # An MCP server of the document's example would be fetched by npx at each agent's start.
    client = shared_site.server.client
    for server in client.get("/api/v1/mcp/servers").json()["servers"]:
        client.delete(f"/api/v1/mcp/servers/{server['name']}")
    shared_site.stuck.git.break_down(GitFault(status=500, delay=120))
    return shared_site
