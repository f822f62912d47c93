"""The paths of a repository, and what can be asked of them."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable


class Tree:
    """Source files and their folders; the root is the empty path."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.files = set(paths)
        self.folders: dict[str, list[str]] = defaultdict(list)  # folder → its own files
        self.all_folders = {""}
        for path in self.files:
            folder = posixpath.dirname(path)
            self.folders[folder].append(path)
            while folder not in self.all_folders:
                self.all_folders.add(folder)
                folder = posixpath.dirname(folder)

    def first(self, *candidates: str) -> str:
        """The first of the paths that is a file; empty for none."""
        return next((each for each in candidates if each in self.files), "")


def join(folder: str, relative: str) -> str:
    """A path from a folder on; empty when it leads out of the repository."""
    path = posixpath.normpath(posixpath.join(folder, relative))
    if path.startswith(("../", "/")) or path == "..":
        return ""
    return "" if path == "." else path


def up(path: str) -> Iterable[str]:
    """The folders around a file, the nearest first, down to the root."""
    folder = posixpath.dirname(path)
    while folder:
        yield folder
        folder = posixpath.dirname(folder)
    yield ""
