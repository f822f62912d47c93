"""Cleanup: what is asked, what is removed, and the manifest that tells it. Pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Category(StrEnum):
    """Why something is rubbish. All but the first go only with a deep clean."""

    OS_METADATA = "os_metadata"
    PYTHON_CACHE = "python_cache"
    BUILD_OUTPUT = "build_output"
    NODE_MODULES = "node_modules"


class Reason(StrEnum):
    """Why something that looks like rubbish was left."""

    TRACKED = "tracked"  # git knows it
    REPOSITORY = "repository"  # a repository of its own
    SITE_PACKAGES = "site_packages"
    SYMLINK = "symlink"
    PROTECTED = "protected"  # the system's or the server's own
    OTHER_FILE_SYSTEM = "other_file_system"
    CHANGED = "changed"  # somebody else was at it meanwhile


@dataclass(frozen=True, slots=True)
class Removed:
    """A file, or a folder with all in it. ``size`` is what it freed, in bytes of the disk."""

    path: str  # relative to the root, with slashes; a folder's ends in one
    category: Category
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was left: rubbish by its name, or a folder that was not even looked into."""

    path: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be removed, and what the system said."""

    path: str
    error: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a cleanup did, or in a dry run would do.

    ``files_deleted`` counts files and links, not folders; ``size_freed`` is in bytes, folders
    included, as the file system has them: a file with another hard link outside frees nothing.
    """

    root: str
    deep_clean: bool
    dry_run: bool
    removed: tuple[Removed, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    errors: tuple[Problem, ...] = ()

    @property
    def files_deleted(self) -> int:
        """How many files went."""
        return sum(one.files for one in self.removed)

    @property
    def size_freed(self) -> int:
        """How many bytes of the disk are free now."""
        return sum(one.size for one in self.removed)


def plain_cleaned(cleaned: Cleaned) -> dict[str, Any]:
    """``{files_deleted, size_freed, manifest}``, in the words of the Hephaestus document.

    Bytes of a name that are no text are shown as ``\\xff``.
    """
    return {
        "files_deleted": cleaned.files_deleted,
        "size_freed": cleaned.size_freed,
        "manifest": {
            "root": _text(cleaned.root),
            "deep_clean": cleaned.deep_clean,
            "dry_run": cleaned.dry_run,
            "removed": [
                {
                    "path": _text(one.path),
                    "category": one.category.value,
                    "files": one.files,
                    "size": one.size,
                }
                for one in cleaned.removed
            ],
            "skipped": [
                {"path": _text(one.path), "reason": one.reason.value} for one in cleaned.skipped
            ],
            "errors": [{"path": _text(one.path), "error": one.error} for one in cleaned.errors],
        },
    }


def _text(path: str) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")
