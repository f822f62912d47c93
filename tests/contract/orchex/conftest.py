"""One site for all tests of the document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.orchex.site import Site, built
from tests.support.git_http import GitFault


@pytest.fixture(scope="package")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built(tmp_path_factory.mktemp("orchex")) as made:
        yield made


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The site as it is at first: no fault armed."""
    shared_site.forge.git.recover()
    shared_site.forge.fail(None)
    shared_site.stuck.git.break_down(GitFault(status=500, delay=120))
    return shared_site
