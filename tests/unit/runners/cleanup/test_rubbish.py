"""What is rubbish by its name."""

from __future__ import annotations

import pytest

from lemnos.domains.cleanup.model import Category, Reason
from lemnos.runners.cleanup.rubbish import Rules, kept_whole

DEEP, SHALLOW = Rules(deep=True), Rules(deep=False)


@pytest.mark.parametrize(
    "name", [".DS_Store", "._notes.txt", "Thumbs.db", "thumbs.DB", "desktop.ini", "Desktop.ini"]
)
def test_metadata_of_systems_goes_always(name: str) -> None:
    assert SHALLOW.file(name) is DEEP.file(name) is Category.OS_METADATA


@pytest.mark.parametrize("name", [".Spotlight-V100", ".Trashes", ".fseventsd"])
def test_folders_of_systems_go_always(name: str) -> None:
    assert SHALLOW.folder(name, ()) is Category.OS_METADATA


@pytest.mark.parametrize("name", ["a.pyc", "a.pyo"])
def test_compiled_files_go_with_a_deep_clean(name: str) -> None:
    assert DEEP.file(name) is Category.PYTHON_CACHE
    assert SHALLOW.file(name) is None


@pytest.mark.parametrize(
    ("name", "beside", "category"),
    [
        ("__pycache__", "", Category.PYTHON_CACHE),
        (".pytest_cache", "", Category.PYTHON_CACHE),
        (".mypy_cache", "", Category.PYTHON_CACHE),
        (".ruff_cache", "", Category.PYTHON_CACHE),
        (".hypothesis", "", Category.PYTHON_CACHE),
        (".tox", "", Category.PYTHON_CACHE),
        (".nox", "", Category.PYTHON_CACHE),
        ("node_modules", "", Category.NODE_MODULES),
        ("build", "pyproject.toml", Category.BUILD_OUTPUT),
        ("build", "setup.py", Category.BUILD_OUTPUT),
        ("dist", "package.json", Category.BUILD_OUTPUT),
        ("target", "Cargo.toml", Category.BUILD_OUTPUT),
        (".next", "package.json", Category.BUILD_OUTPUT),
    ],
)
def test_outputs_and_caches_go_with_a_deep_clean(
    name: str, beside: str, category: Category
) -> None:
    assert DEEP.folder(name, {beside, "README.md"}) is category
    assert SHALLOW.folder(name, {beside}) is None


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("build", "README.md"),
        ("build", "Cargo.toml"),
        ("dist", "Makefile"),
        ("target", "pyproject.toml"),
        (".venv", "pyproject.toml"),
        ("lemnos.egg-info", "pyproject.toml"),
        ("htmlcov", "pyproject.toml"),
        ("src", "pyproject.toml"),
    ],
)
def test_what_no_manifest_vouches_for_stays(name: str, beside: str) -> None:
    assert DEEP.folder(name, {beside}) is None


@pytest.mark.parametrize("name", [".coverage", ".coverage.host.1", "a.py", "pyc", ".gitignore"])
def test_measurements_and_sources_stay(name: str) -> None:
    assert DEEP.file(name) is None


@pytest.mark.parametrize(
    ("name", "inside", "reason"),
    [
        ("package", {".git", "a"}, Reason.REPOSITORY),
        ("mirror.git", {"HEAD", "objects", "refs", "config"}, Reason.REPOSITORY),
        ("old", {".hg"}, Reason.REPOSITORY),
        (".venv", {"pyvenv.cfg", "bin"}, Reason.SITE_PACKAGES),
        ("env", {"conda-meta"}, Reason.SITE_PACKAGES),
        ("site-packages", set(), Reason.SITE_PACKAGES),
        ("plain", {"HEAD", "a"}, None),
    ],
)
def test_repositories_and_environments_are_kept_whole(
    name: str, inside: set[str], reason: Reason | None
) -> None:
    assert kept_whole(name, inside) is reason
