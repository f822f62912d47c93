"""A tree as it was: what tools write into one that is to stay untouched is taken back.

Test suites write where they like, and a copy of the tree would lack what is installed in it. So
tools run in the tree itself, and its files are copied before the first of them starts. What git
ignores, or what is hidden, installed or built, is not taken back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
from pathlib import Path

from lemnos.domains.quality.ports import Tree
from lemnos.kernel.errors import Unavailable
from lemnos.runners.gates.listing import entries, listed
from lemnos.runners.quality.bench import Workbench
from lemnos.runners.scratch import Scratch


class Keepsake:
    """The files of a tree, to be put back. Make it before a tool starts; close it at the end."""

    def __init__(self, tree: Tree, bench: Workbench, paths: frozenset[str]) -> None:
        self._tree = tree
        self._bench = bench
        self._paths = paths
        self._scratch: Scratch | None = None
        self._status = dict[str, os.stat_result]()
        self._once = asyncio.Lock()

    async def keep(self) -> None:
        """Copy the files, the first time that it is called."""
        async with self._once:
            if self._scratch is None:
                scratch = Scratch()
                await asyncio.to_thread(self._copy, scratch.path)
                self._scratch = scratch

    async def restore(self) -> None:
        """Put back what has changed, and remove what has come. Raises ``Unavailable``."""
        if self._scratch is None:
            return
        try:
            now = await listed(self._tree.root, self._bench, self._tree.readable)
            await asyncio.to_thread(self._put_back, self._scratch.path, frozenset(now))
        except OSError as error:
            message = f"What the tools changed could not be put back: {error}"
            raise Unavailable(message, code="not_put_back") from error
        finally:
            await asyncio.to_thread(self._scratch.close)

    def _copy(self, into: Path) -> None:
        for entry in entries(self._tree.root, self._paths):
            target = into / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # it can't be read, so tools can't read it either
                shutil.copy2(self._tree.root / entry.path, target, follow_symlinks=False)
                self._status[entry.path] = entry.status

    def _put_back(self, kept: Path, now: frozenset[str]) -> None:
        root = self._tree.root
        for path in sorted(now - self._paths):
            _remove(root, path)
        for path, status in self._status.items():
            if not _same(root / path, status):
                _clear_way(root, path)
                _replace(kept / path, root / path, status)


def _same(path: Path, before: os.stat_result) -> bool:
    try:
        now = os.lstat(path)
    except OSError:
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_mode) == (
        before.st_ino,
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_mode,
    )


def _clear_way(root: Path, path: str) -> None:
    """Make the folders above a path real ones: a link in their place would lead out of the tree."""
    folder = root
    for name in Path(path).parent.parts:
        folder /= name
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
            folder.mkdir()
    place = root / path
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)


def _replace(kept: Path, place: Path, status: os.stat_result) -> None:
    new = place.with_name(f".{place.name}.lemnos-kept")
    new.unlink(missing_ok=True)
    shutil.copy2(kept, new, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(new, stat.S_IMODE(status.st_mode))
    os.replace(new, place)


def _remove(root: Path, path: str) -> None:
    """Remove what a tool has made, unless the way to it leads over a link."""
    folder = root
    for name in Path(path).parent.parts:
        folder /= name
        if folder.is_symlink():
            return
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        (root / path).unlink()
    with contextlib.suppress(OSError):  # not empty, or not there
        while folder != root:
            folder.rmdir()
            folder = folder.parent
