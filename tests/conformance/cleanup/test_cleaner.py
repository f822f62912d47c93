"""What every cleaner keeps to, on trees of all kinds: nothing tracked or outside is touched."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lemnos.domains.cleanup.ports import Cleaner
from lemnos.runners.cleanup.cleaner import FolderCleaner
from tests.support.cleaning import git, listing, plant, repository

_NAMES = st.sampled_from(
    [
        *("build", "dist", "node_modules", "__pycache__", ".venv", "src", "a", "caf\udce9"),
        *(".Trashes", "site-packages"),
    ]
)
_FILES = st.sampled_from(
    [
        *(".DS_Store", "a.pyc", "a.py", "package.json", "pyproject.toml", "pyvenv.cfg"),
        *("__init__.py", "HEAD", "._x"),
    ]
)
_PATHS = st.builds(
    lambda above, name: "/".join((*above, name)), st.lists(_NAMES, max_size=4), _FILES
)
_TREES = st.lists(_PATHS, min_size=1, max_size=25, unique=True)


@pytest.fixture(params=[FolderCleaner], ids=["folders"])
def cleaner(request: pytest.FixtureRequest) -> Cleaner:
    """Every implementation of the port."""
    made: Cleaner = request.param()
    return made


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(paths=_TREES, tracked=_TREES, linked=_PATHS, deep=st.booleans())
def test_a_dry_run_is_what_a_real_one_removes_and_what_is_tracked_stays(
    cleaner: Cleaner, paths: list[str], tracked: list[str], linked: str, deep: bool
) -> None:
    with tempfile.TemporaryDirectory() as made:
        outside = plant(Path(made) / "outside", ".DS_Store", "node_modules/a.pyc")
        root = repository(Path(made) / "project", "package.json", *tracked)
        plant(root, *paths)
        if not (root / linked).exists():
            (root / linked).parent.mkdir(parents=True, exist_ok=True)
            (root / linked).symlink_to(outside)
        before, untouched = listing(root), listing(outside)
        changes = git(root, "status", "--porcelain", "--untracked-files=no")

        dry = asyncio.run(cleaner.clean(root, deep_clean=deep, dry_run=True))
        assert listing(root) == before
        real = asyncio.run(cleaner.clean(root, deep_clean=deep))
        after = listing(root)

        assert replace(dry, dry_run=False) == real
        assert git(root, "status", "--porcelain", "--untracked-files=no") == changes
        assert listing(outside) == untouched
        gone = before - after
        assert after <= before
        assert all(any(path.startswith(one.path) for one in real.removed) for path in gone)
        assert sum(not path.endswith("/") for path in gone) == real.files_deleted
        again = asyncio.run(cleaner.clean(root, deep_clean=deep))
        assert not again.removed
