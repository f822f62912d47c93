"""The difference between two tree objects, as records and as text.

Both sides are objects of ours and no work tree is in sight, so attributes that an agent wrote
(``* -diff``) hide nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.domains.workspaces.ports import Diff, FileChange
from lemnos.kernel.errors import TooLarge

_OPTIONS = ("-r", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none")
_LIMIT = 128 << 20  # bytes of the list of changed files
_STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "T": "type_changed"}


async def compare(
    git: GitCommands, at: Place, base: str, tree: str, max_bytes: int, notes: tuple[str, ...]
) -> Diff:
    """What leads from ``base`` to ``tree``, with at most ``max_bytes`` of text in whole lines."""
    renames = "--find-renames"
    listing = await _list(git, at, renames, base, tree)
    if listing is None:  # looking for renames loads both sides, which may be more than we have
        renames = "--no-renames"
        listing = await _list(git, at, renames, base, tree) or b""
    text = await git.attempt(
        *("diff-tree", *_OPTIONS, renames, "--patch", "--submodule=short"),
        *("--src-prefix=a/", "--dst-prefix=b/", base, tree),
        at=at,
        limit=max_bytes,
    )
    files = await asyncio.to_thread(lambda: tuple(_parse(listing)))
    shown = text.stdout
    if text.cut:
        shown = shown[: shown.rfind(b"\n") + 1]
    return Diff(files, shown.decode(errors="replace"), text.cut, notes)


async def _list(git: GitCommands, at: Place, renames: str, base: str, tree: str) -> bytes | None:
    output = await git.attempt(
        *("diff-tree", *_OPTIONS, renames, "--raw", "--numstat", "-z", base, tree),
        at=at,
        limit=_LIMIT,
    )
    if output.cut:
        raise TooLarge("Too many files have changed for a diff.", code="too_many_files")
    return output.stdout if output.code == 0 else None


def _parse(listing: bytes) -> Iterator[FileChange]:
    """Join the two blocks of ``--raw --numstat -z``, see "Raw output format" in git-diff-tree(1).

    Raw: ``:modes hashes status NUL path NUL``; numstat: ``added TAB deleted TAB path NUL``, where
    for renames the path is empty and the old and the new one follow.
    """
    fields = iter(listing.decode(errors="surrogateescape").split("\0"))
    statuses: dict[str, str] = {}
    for item in fields:
        if item.startswith(":"):
            letter = item.rsplit(" ", 1)[1][:1]
            path = next(fields)
            statuses[next(fields) if letter in "RC" else path] = _STATUS.get(letter, "modified")
        elif item:
            added, deleted, path = item.split("\t", 2)
            old_path = "" if path else next(fields)
            path = path or next(fields)
            yield FileChange(
                path=_printable(path),
                status=statuses[path],
                additions=int(added) if added != "-" else 0,
                deletions=int(deleted) if deleted != "-" else 0,
                binary=added == "-",
                old_path=_printable(old_path),
            )


def _printable(path: str) -> str:
    """The path as valid Unicode: one that is not UTF-8 can't be said in JSON otherwise."""
    return path.encode(errors="surrogateescape").decode(errors="replace")
