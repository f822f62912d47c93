"""Where a folder's git keeps what it knows, read from its files: no git runs, no configuration.

The layout is that of gitrepository-layout(5). Nothing here trusts what it reads: a folder may be
an agent's, and name any path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_LONGEST = 1 << 20  # bytes of a file that is read: a packed-refs of 10,000 refs
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REF = re.compile(r"ref: (refs/[^\s]+)")

Allowed = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class GitPaths:
    """What belongs to a folder's repository.

    ``inside`` are paths in the folder, ``outside`` those elsewhere that callers may have read.
    ``head`` is the commit that is checked out; empty where the files don't tell.
    """

    inside: tuple[Path, ...] = ()
    outside: tuple[Path, ...] = ()
    head: str = ""


def git_paths(folder: Path, allowed: Allowed) -> GitPaths:
    """The repository that a folder is in; no paths when it is in none, or may not be read."""
    marker = next((up / ".git" for up in (folder, *folder.parents) if (up / ".git").exists()), None)
    if marker is None or not allowed(marker):
        return GitPaths()
    git_dir = _followed(marker)
    if not allowed(git_dir):
        return GitPaths((marker,) if marker.is_relative_to(folder) else ())
    common = _common(git_dir)
    every = [marker, git_dir, common, *_borrowed(common)]
    usable = dict.fromkeys(path for path in every if path.exists() and allowed(path))
    return GitPaths(
        tuple(path for path in usable if path.is_relative_to(folder)),
        tuple(path for path in usable if not path.is_relative_to(folder)),
        _head(git_dir, common) if allowed(common) else "",
    )


def _followed(marker: Path) -> Path:
    """The git directory that a ``.git`` is, or names as a file, as in worktrees and submodules."""
    if marker.is_dir():
        return marker.resolve()
    named = _read(marker).removeprefix("gitdir:").strip()
    return (marker.parent / named).resolve()


def _common(git_dir: Path) -> Path:
    """What worktrees share with their main repository."""
    named = _read(git_dir / "commondir").strip()
    return (git_dir / named).resolve() if named else git_dir


def _borrowed(common: Path) -> Iterator[Path]:
    """Object stores of other repositories."""
    for line in _read(common / "objects/info/alternates").splitlines():
        if line and not line.startswith("#"):
            yield (common / "objects" / line).resolve()


def _head(git_dir: Path, common: Path) -> str:
    said = _read(git_dir / "HEAD").strip()
    match = _REF.fullmatch(said)
    if match is None:
        return said if _COMMIT.fullmatch(said) else ""
    name = match[1]
    if ".." in name.split("/"):
        return ""
    loose = _read(common / name).strip()
    if _COMMIT.fullmatch(loose):
        return loose
    packed = (line.partition(" ") for line in _read(common / "packed-refs").splitlines())
    return next((commit for commit, _, ref in packed if ref == name), "")


def _read(path: Path) -> str:
    """A small text file; empty when it is none."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LONGEST).decode(errors="replace")
    except OSError:
        return ""
