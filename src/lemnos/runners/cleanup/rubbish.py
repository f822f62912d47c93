"""What is rubbish, by its name and by what lies beside it. Pure.

Left on purpose, though other cleaners take them: ``.coverage`` and coverage reports (measured
once, read by others), ``*.egg-info`` (what an editable installation is found by), and whole
virtual environments. A folder called ``build``, ``dist`` or ``target`` is an output only where a
tool's manifest beside it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass

from lemnos.domains.cleanup.model import Category, Reason

_OS_FILES = frozenset(  # in lower case: both systems' file systems know no other
    {
        ".ds_store", ".localized", ".apdisk", ".lsoverride", ".volumeicon.icns", "icon\r",
        "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
    }
)  # fmt: skip
_OS_FOLDERS = frozenset(
    {".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", ".appledouble"}
)
_APPLE_DOUBLE = "._"  # what macOS stores beside a file on other systems' disks

_PYTHON_SUFFIXES = (".pyc", ".pyo")
_PYTHON_FOLDERS = frozenset(
    {
        "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox",
        ".pytype", ".pyre",
    }
)  # fmt: skip

_PYTHON_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
_NODE_PROJECT = ("package.json",)
_GRADLE_PROJECT = (*("build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),)
_OUTPUTS: dict[str, tuple[str, ...]] = {
    "build": (*_PYTHON_PROJECT, *_NODE_PROJECT, *_GRADLE_PROJECT),
    "dist": (*_PYTHON_PROJECT, *_NODE_PROJECT),
    ".eggs": _PYTHON_PROJECT,
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    ".gradle": _GRADLE_PROJECT,
    "_build": ("mix.exs", "dune-project"),
    ".next": _NODE_PROJECT,
    ".nuxt": _NODE_PROJECT,
    ".output": _NODE_PROJECT,
    ".svelte-kit": _NODE_PROJECT,
    ".turbo": _NODE_PROJECT,
    ".parcel-cache": _NODE_PROJECT,
}

_REPOSITORIES = frozenset({".git", ".hg", ".jj", ".svn", ".bzr"})
_BARE = frozenset({"HEAD", "objects", "refs"})
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What goes. Without ``deep`` it is metadata of operating systems only."""

    deep: bool

    def file(self, name: str) -> Category | None:
        """Why a file of this name is rubbish, if it is."""
        if name.lower() in _OS_FILES or name.startswith(_APPLE_DOUBLE):
            return Category.OS_METADATA
        if self.deep and name.endswith(_PYTHON_SUFFIXES):
            return Category.PYTHON_CACHE
        return None

    def folder(self, name: str, beside: Collection[str]) -> Category | None:
        """Why a folder of this name is rubbish with these names ``beside`` it, if it is."""
        if name.lower() in _OS_FOLDERS:
            return Category.OS_METADATA
        if not self.deep:
            return None
        if name in _PYTHON_FOLDERS:
            return Category.PYTHON_CACHE
        if name == "node_modules":
            return Category.NODE_MODULES
        if any(manifest in beside for manifest in _OUTPUTS.get(name, ())):
            return Category.BUILD_OUTPUT
        return None


def kept_whole(name: str, inside: Set[str]) -> Reason | None:
    """Why a folder of this name, with these names ``inside``, is not even looked into."""
    if is_repository(inside):
        return Reason.REPOSITORY
    if name in INSTALLED or not _ENVIRONMENT.isdisjoint(inside):
        return Reason.SITE_PACKAGES
    return None


def is_repository(inside: Set[str]) -> bool:
    """Whether a folder with these names inside is a work tree or a repository without one."""
    return not _REPOSITORIES.isdisjoint(inside) or is_bare(inside)


def is_bare(inside: Set[str]) -> bool:
    """Whether it is a git directory itself."""
    return inside >= _BARE


def is_package(inside: Set[str]) -> bool:
    """Whether it is source: a Python package that happens to be called ``build``."""
    return "__init__.py" in inside
