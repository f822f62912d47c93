"""One site for all tests of the document."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.hephaestus.site import Site, built


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with built(tmp_path_factory.mktemp("hephaestus")) as made:
        yield made
