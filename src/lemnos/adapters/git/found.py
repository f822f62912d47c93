"""Repositories as they lie on a disk: found and read file by file, and none of git is run.

git itself would take the repository's configuration for its own, which can name programs to run.
What is needed of a repository is little: where its objects are, and which commit HEAD is. The
layout is that of gitrepository-layout(5) and git-worktree(1).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.analytics.ports import Allowed
from lemnos.kernel.errors import Invalid

_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SMALL = 64 << 10  # bytes of a file that holds a line or a few
_LARGE = 64 << 20  # bytes of packed-refs or shallow: half a million lines
_LINKS = 5  # as git itself limits symbolic references and alternates of alternates
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Found:
    """A repository. ``root`` is its work tree, or its git directory if it is bare.

    ``prefix`` is where in the work tree the folder is that was asked for, ``src/`` or nothing.
    ``branch`` is empty when HEAD is detached. ``shallow`` lists where a history is cut off.
    """

    root: Path
    prefix: str
    objects: Path
    commit: str
    branch: str
    bare: bool
    shallow: str


def find(folder: Path, allowed: Allowed) -> Found:
    """The repository that a folder is in; blocks for a few small files.

    ``allowed`` is asked for what lies outside of the repository: the main repository of a
    worktree, borrowed objects. Raises ``Invalid``.
    """
    root, git_dir = _locate(folder, allowed)
    _demand(git_dir, root, allowed)
    common = _common(git_dir)
    _demand(common, root, allowed)
    objects = _real(common / "objects")
    for store in (objects, *_borrowed(objects, _LINKS)):
        _demand(store, root, allowed)
    name, commit = _head(git_dir, common)
    bare = root == git_dir
    inside = "" if bare else _real(folder).relative_to(root).as_posix()
    return Found(
        root=root,
        prefix="" if inside in ("", ".") else f"{inside}/",
        objects=objects,
        commit=commit,
        branch=name.removeprefix(_HEADS) if name.startswith(_HEADS) else "",
        bare=bare,
        shallow=_shallow(objects.parent),
    )


def _locate(folder: Path, allowed: Allowed) -> tuple[Path, Path]:
    """The root and the git directory, looked for in the folder and those above it."""
    start = _real(folder)
    for root in (start, *start.parents):
        if root != start and not allowed(root):
            break
        if (root / ".git").is_dir():
            return root, _real(root / ".git")
        if pointer := _read(root / ".git", _SMALL):
            return root, _pointed(root, pointer)
        if all((root / part).is_dir() for part in ("objects", "refs")) and _read(
            root / "HEAD", _SMALL
        ):
            return root, root
    message = f"{folder} is not in a git repository: rankings are measured from its history."
    raise Invalid(message, code="not_a_repository", fields={"workspace": message})


def _pointed(root: Path, pointer: str) -> Path:
    """The git directory of a worktree or submodule: ``gitdir: PATH``."""
    key, _, path = pointer.strip().partition(":")
    if key != "gitdir" or not path.strip():
        raise _unreadable("Its .git file does not say where the repository is.")
    return _real(root / path.strip())


def _common(git_dir: Path) -> Path:
    path = _read(git_dir / "commondir", _SMALL)
    return _real(git_dir / path.strip()) if path else git_dir


def _borrowed(objects: Path, depth: int) -> Iterator[Path]:
    """The object stores that this one borrows from, and those borrow from."""
    listed = _read(objects / "info" / "alternates", _SMALL) or ""
    for line in listed.splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith('"') or depth == 0:
            raise _unreadable("Where it borrows objects from can't be read.")
        store = _real(objects / line)
        yield store
        yield from _borrowed(store, depth - 1)


def _shallow(common: Path) -> str:
    text = _read(common / "shallow", _LARGE) or ""
    if not all(_OBJECT.fullmatch(line) for line in text.splitlines()):
        raise _unreadable("Where its history is cut off can't be read.")
    return text


def _head(git_dir: Path, common: Path) -> tuple[str, str]:
    """The name that HEAD stands for, ``HEAD`` itself if it is detached, and its commit."""
    name = "HEAD"
    for _ in range(_LINKS):
        said = _reference(git_dir, common, name)
        if said is None:
            if name.startswith("refs/heads/.inv"):
                raise _unreadable("It keeps its references in a reftable, which is not supported.")
            message = "The repository has no commits yet: there is nothing to measure."
            raise Invalid(message, code="empty_repository", fields={"workspace": message})
        if _OBJECT.fullmatch(said):
            return name, said
        key, _, target = said.partition(":")
        name = target.strip()
        if key != "ref" or not name.startswith("refs/") or ".." in name.split("/"):
            break
    raise _unreadable("Its HEAD can't be read.")


def _reference(git_dir: Path, common: Path, name: str) -> str | None:
    for folder in dict.fromkeys((git_dir, common)):
        if said := _read(folder / name, _SMALL):
            return said.strip()
    packed = _read(common / "packed-refs", _LARGE) or ""
    for line in packed.splitlines():
        commit, _, each = line.partition(" ")
        if each == name:
            return commit
    return None


def _real(path: Path) -> Path:
    if {"\0", "\n"} & set(str(path)):  # the second would be two lines where stores are listed
        raise _unreadable("It is at, or names, a path that holds control characters.")
    return Path(os.path.realpath(path))


def _demand(path: Path, root: Path, allowed: Allowed) -> None:
    if not path.is_relative_to(root) and not allowed(path):
        message = f"The repository {root} uses files outside of the folders that are allowed."
        raise Invalid(message, code="path_not_allowed", fields={"workspace": message})


def _read(path: Path, limit: int) -> str | None:
    """A regular file's text; None for anything else: links and pipes may lead anywhere."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return None
        if about.st_size > limit:
            raise _unreadable(f"{path.name} is too large.")
        return file.read(limit).decode(errors="surrogateescape")


def _unreadable(why: str) -> Invalid:
    message = f"The repository can't be read. {why}"
    return Invalid(message, code="repository_unreadable", fields={"workspace": message})
