"""Files of a commit, and their contents, by object: whatever git directory of ours it is in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.errors import git_error
from lemnos.domains.analysis.ports import Entry, Listing, Revision

_LISTED = 192 << 20  # bytes of a listing: about two million files
_REGULAR = (b"100644", b"100755", b"100664")


class ObjectReader:
    """Lists and reads the objects of a revision."""

    def __init__(self, git: GitCommands) -> None:
        self._git = git

    async def files(self, revision: Revision) -> Listing:
        """All regular files of the commit."""
        output = await self._git.attempt(
            *("ls-tree", "-r", "-z", "--long", "--full-tree", revision.commit),
            at=Place(revision.git_dir),
            limit=_LISTED,
        )
        if output.code != 0 and not output.cut:
            raise git_error(output.stderr)
        entries = await asyncio.to_thread(lambda: tuple(_entries(output.stdout)))
        return Listing(entries, output.cut)

    async def read(self, revision: Revision, blobs: Sequence[str]) -> Mapping[str, bytes]:
        """The contents of a few blobs."""
        if not blobs:
            return {}
        answer = await self._git.run(
            *("cat-file", "--batch", "--buffer"),
            at=Place(revision.git_dir),
            stdin="".join(f"{blob}\n" for blob in blobs).encode(),
        )
        return dict(_objects(answer))


def _entries(listing: bytes) -> Iterator[Entry]:
    """``mode SP type SP id SP+ size TAB path NUL``; the last may be cut off."""
    start = 0
    while (end := listing.find(b"\0", start)) >= 0:
        head, _, path = listing[start:end].partition(b"\t")
        start = end + 1
        mode, kind, blob, size = head.split()
        if kind == b"blob" and mode in _REGULAR and size.isdigit():
            yield Entry(path.decode(errors="replace"), blob.decode(), int(size))


def _objects(answer: bytes) -> Iterator[tuple[str, bytes]]:
    """``id SP type SP size LF content LF`` of each; ``id SP missing LF`` for what is not there."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        words = answer[at:end].split()
        at = end + 1
        if len(words) == 3:
            size = int(words[2])
            yield words[0].decode(), answer[at : at + size]
            at += size + 1
