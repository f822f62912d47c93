"""From an agent's work tree to a tree object of ours, whatever the agent did to it.

Our index over its files: neither the agent's ``.git`` nor any nested one is read, no symlink is
followed, and what can't become part of the tree is said in a note instead of being lost.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.errors import git_error
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.errors import LemnosError, Unavailable

_SUBMODULES = "lemnos-submodules"  # in our git directory: paths ending in NUL
_NOT_DOT_GIT = frozenset({".git", "git~1"})  # names that git refuses, in any case
_MAX_NOTES = 100
_TRIES = 5
_MAX_VANISHING = 50  # paths that may vanish while one list of them is read


@dataclass(frozen=True, slots=True)
class Staged:
    """A tree object with the content of a work tree, and what it could not hold."""

    tree: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Plan:
    """What to do to the index: paths as bytes, relative to the work tree."""

    add: list[bytes] = field(default_factory=list)
    remove: list[bytes] = field(default_factory=list)
    nested: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def place_of(checkout: Checkout) -> Place:
    """Where commands on a checkout's tree run."""
    return Place(checkout.git_dir, checkout.tree, checkout.readonly)


async def fill(git: GitCommands, checkout: Checkout) -> None:
    """Write the base's files into the empty tree, and remember what are submodules in it."""
    await git.run("read-tree", "-m", "-u", checkout.base, at=place_of(checkout))
    submodules = await _submodules(git, checkout)
    (checkout.git_dir / _SUBMODULES).write_bytes(submodules)


async def protect_submodules(git: GitCommands, checkout: Checkout) -> None:
    """Keep git from opening what an agent puts where a submodule would be."""
    if not (checkout.git_dir / _SUBMODULES).read_bytes():
        return
    await git.run(
        *("update-index", "-z", "--skip-worktree", "--stdin"),
        at=place_of(checkout),
        stdin=await _submodules(git, checkout),
    )


async def _submodules(git: GitCommands, checkout: Checkout) -> bytes:
    """The submodules in our index, each path with a NUL."""
    listing = await git.run("ls-files", "-z", "--stage", at=Place(checkout.git_dir))
    entries = (entry.partition(b"\t") for entry in listing.split(b"\0"))
    return b"".join(path + b"\0" for about, _, path in entries if about.startswith(b"160000 "))


async def stage(git: GitCommands, checkout: Checkout) -> Staged:
    """Bring our index to the state of the work tree, and write it as a tree object.

    Files that are ignored and not in the base stay out, as with ``git add --all``. A tree that
    is being written to may change between git's list and git's look: then it is listed anew.
    """
    for _ in range(_TRIES - 1):
        try:
            return await _stage_once(git, checkout)
        except LemnosError as error:
            if error.code != "git_failed":
                raise
    return await _stage_once(git, checkout)


async def _stage_once(git: GitCommands, checkout: Checkout) -> Staged:
    at = place_of(checkout)
    listing = await git.run(
        *("ls-files", "-z", "--modified", "--others", "--exclude-standard"), at=at
    )
    plan = await asyncio.to_thread(_plan, checkout.tree, _paths(listing))
    for nested in plan.nested:
        found = await asyncio.to_thread(_walk, checkout.tree, nested)
        ignored = set(await _ignored(git, at, found))
        plan.add += [path for path in _paths(found) if path not in ignored]
    await asyncio.to_thread(_look_at_submodules, checkout, plan)
    await _remove(git, at, plan.remove, checkout.base)
    await _add(git, at, plan)
    await _drop_ignored(git, at, checkout.base)
    tree = (await git.run("write-tree", at=Place(checkout.git_dir))).decode().strip()
    return Staged(tree, tuple(_shown(plan.notes)))


async def _remove(git: GitCommands, at: Place, paths: Collection[bytes], base: str) -> None:
    if paths:
        no_object = b"0" * len(base)  # as long as the repository's hashes are
        removals = b"".join(b"0 %s\t%s\0" % (no_object, path) for path in paths)
        await git.run("update-index", "-z", "--index-info", at=at, stdin=removals)


async def _add(git: GitCommands, at: Place, plan: _Plan) -> None:
    """Add what can be read; a path that vanishes in that moment does not spoil the others."""
    for _ in range(_MAX_VANISHING):
        if not plan.add:
            return
        output = await git.attempt(
            *("update-index", "-z", "--add", "--remove", "--replace", "--stdin"),
            at=at,
            stdin=b"".join(path + b"\0" for path in plan.add),
        )
        if output.code == 0:
            return
        lost = output.stderr.rpartition("Unable to process path ")[2].rstrip("\n").encode()
        if lost not in plan.add:
            raise git_error(output.stderr)
        plan.add.remove(lost)
        plan.notes.append(f"{_printable(lost)}: it changed while it was read")
    message = "The workspace changes faster than it can be read."
    raise Unavailable(message, code="workspace_busy", retry_after=1.0)


async def _drop_ignored(git: GitCommands, at: Place, base: str) -> None:
    """Take out what was staged by an earlier call and has been ignored since."""
    added = await git.run(
        *("diff-index", "--cached", "--name-only", "--diff-filter=A", "--no-renames"),
        *("-z", "--ignore-submodules", base),
        at=Place(at.git_dir),
    )
    await _remove(git, at, await _ignored(git, at, added), base)


async def _ignored(git: GitCommands, at: Place, paths: bytes) -> list[bytes]:
    if not paths:
        return []
    output = await git.attempt("check-ignore", "-z", "--no-index", "--stdin", at=at, stdin=paths)
    return list(_paths(output.stdout))


def _paths(listing: bytes) -> Iterator[bytes]:
    return (path for path in listing.split(b"\0") if path)


def _plan(tree: Path, paths: Iterable[bytes]) -> _Plan:
    """Sort what git lists into what to add, to remove, to look into, and to report."""
    plan = _Plan()
    root = os.fsencode(tree)
    real_folders: dict[bytes, bool] = {b"": True}
    for path in dict.fromkeys(paths):
        if path.endswith(b"/"):
            plan.nested.append(path.rstrip(b"/"))
        elif not _in_real_folders(root, path, real_folders):
            plan.remove.append(path)
        else:
            _sort_in(root, path, plan)
    return plan


def _sort_in(root: bytes, path: bytes, plan: _Plan) -> None:
    if any(part.lower() in _NOT_DOT_GIT for part in os.fsdecode(path).split("/")):
        plan.notes.append(f"{_printable(path)}: git does not store files of this name")
        return
    try:
        mode = os.lstat(os.path.join(root, path)).st_mode
    except OSError:
        plan.remove.append(path)
        return
    if stat.S_ISDIR(mode):
        plan.remove.append(path)  # a file that has become a folder, whose files are listed too
    elif stat.S_ISREG(mode) and not os.access(os.path.join(root, path), os.R_OK):
        plan.notes.append(f"{_printable(path)}: the file can't be read")
    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        plan.add.append(path)
    else:
        plan.remove.append(path)  # a device, socket or pipe where a file was


def _in_real_folders(root: bytes, path: bytes, known: dict[bytes, bool]) -> bool:
    """Whether every folder above the path is one, rather than a symlink to elsewhere."""
    parent = path.rpartition(b"/")[0]
    if parent not in known:
        known[parent] = _in_real_folders(root, parent, known) and _is_folder(root, parent)
    return known[parent]


def _is_folder(root: bytes, path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(os.path.join(root, path)).st_mode)
    except OSError:
        return False


def _walk(tree: Path, nested: bytes) -> bytes:
    """Files and symlinks of a nested repository, each with a NUL; no repository's own data."""
    root = os.fsencode(tree)
    found: list[bytes] = []
    for folder, names, files in os.walk(os.path.join(root, nested), followlinks=False):
        links = [n for n in names if os.path.islink(os.path.join(folder, n))]
        names[:] = [n for n in names if n.lower() != b".git" and n not in links]
        paths = (os.path.join(folder, n) for n in (*files, *links) if n.lower() != b".git")
        found += [os.path.relpath(path, root) + b"\0" for path in paths if _is_content(path)]
    return b"".join(found)


def _is_content(path: bytes) -> bool:
    """Whether git would store it: a file or a symlink, and still there."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _look_at_submodules(checkout: Checkout, plan: _Plan) -> None:
    """Removing a submodule is a change; what is put in its place can't be part of one."""
    for path in _paths((checkout.git_dir / _SUBMODULES).read_bytes()):
        folder = os.path.join(os.fsencode(checkout.tree), path)
        if not os.path.lexists(folder):
            plan.remove.append(path)
        elif os.path.islink(folder) or not os.path.isdir(folder) or os.listdir(folder):
            plan.notes.append(
                f"{_printable(path)}: a submodule, what is in its place is not part of the change"
            )


def _shown(notes: list[str]) -> list[str]:
    if len(notes) <= _MAX_NOTES:
        return notes
    return [*notes[:_MAX_NOTES], f"and {len(notes) - _MAX_NOTES} more"]


def _printable(path: bytes) -> str:
    return path.decode(errors="replace")
