"""Each test of this suite runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.conformance.engine.place import KINDS, Place, new_place, opened


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path) -> Place:
    return new_place(request.param, tmp_path)


@pytest.fixture
async def database(place: Place):
    async with opened(place.url) as database:
        yield database
