"""Which files a tree holds: as git knows them, else by a walk.

Git runs in the sandbox, as a tree's own configuration can make it start programs; what is known
to do so while files are listed is turned off besides.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lemnos.kernel.errors import Invalid
from lemnos.runners.quality.bench import Broken, Room, Workbench

MOST_FILES = 200_000
_LISTED_MOST = 64 * 1024 * 1024  # bytes of names
_SECONDS = 60.0
_GIT = (
    "git",
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
    "-c", "core.untrackedCache=false", "-c", "core.quotePath=false", "-c", "safe.directory=*",
    "-c", "submodule.recurse=false",
    "--no-optional-locks", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
    "--deduplicate",
)  # fmt: skip
_GIT_ENV = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
# Installed or built, in a folder that says nothing of what is ignored.
_LEFT_OUT = frozenset({
    "node_modules", "bower_components", "venv", "env", "site-packages", "__pycache__", "build",
    "dist", "target", "out", "coverage", "htmlcov",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or symbolic link: its path relative to the tree, with slashes, and how it is."""

    path: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


async def listed(root: Path, bench: Workbench, readable: tuple[Path, ...] = ()) -> tuple[str, ...]:
    """The relative paths of a tree, in order: tracked ones, and new ones that are not ignored.

    In a folder without git all but what is hidden, installed or built. Raises ``Invalid`` for
    more than ``MOST_FILES``.
    """
    names = await _git(root, bench, readable)
    found = sorted(names if names is not None else await asyncio.to_thread(list, _walked(root)))
    if len(found) > MOST_FILES:
        message = f"The folder holds more than {MOST_FILES} files: name one project in it."
        raise Invalid(message, code="too_many_files")
    return tuple(found)


def entries(root: Path, paths: Iterable[str]) -> Iterator[Entry]:
    """Those of the paths that are files or links now. Blocks."""
    for path in paths:
        try:
            status = os.lstat(root / path)
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            yield Entry(path, status)


async def _git(root: Path, bench: Workbench, readable: tuple[Path, ...]) -> list[str] | None:
    """What git lists; None where it can't, such as in what only looks like a repository."""
    if not (root / ".git").exists():
        return None
    room = Room(readable=readable, protected=protected(root))
    try:
        ended = await bench.run(_GIT, root, _SECONDS, env=_GIT_ENV, kept=_LISTED_MOST, room=room)
    except Broken:
        return None
    if ended.exit_code != 0:
        return None
    # What is no UTF-8 has lost its name on the way, and no tool could be told of it.
    return [
        name
        for name in ended.stdout.split("\0")
        if name and "\N{REPLACEMENT CHARACTER}" not in name
    ]


def protected(root: Path) -> tuple[Path, ...]:
    """A tree's own git directory, which no tool has to write to."""
    git = root / ".git"
    return (git,) if git.exists() and not git.is_symlink() else ()


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not _left_out(Path(folder, name))]
        inside = Path(folder).relative_to(root)
        for name in files:
            if not name.startswith(".") or folder == str(root):
                yield (inside / name).as_posix()


def _left_out(folder: Path) -> bool:
    name = folder.name
    return (
        (name.startswith(".") and name not in {".github", ".gitlab"})
        or name in _LEFT_OUT
        or name.endswith((".egg-info", ".dist-info"))
        or (folder / "pyvenv.cfg").exists()
        or folder.is_symlink()
    )
