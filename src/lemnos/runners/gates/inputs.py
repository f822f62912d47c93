"""What a verdict depends on: the files of a tree, by content and mode.

Reading every file again would cost more than some gates do. So the digest of each is remembered
with what the file system says of it, as git's index does: size, times, inode and mode. A file that
was written shortly before it was read is read again the next time, as a later change could leave
all of these alike on file systems with coarse clocks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE

import msgspec

from lemnos.runners.gates.files import write_whole
from lemnos.runners.gates.listing import Entry, entries

_COARSE = 2_000_000_000  # nanoseconds between two ticks of the coarsest clock
_CHUNK = 1024 * 1024


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """A file's digest, and what the file system said of it when it was taken."""

    size: int
    modified: int
    changed: int
    inode: int
    mode: int
    digest: bytes

    def holds(self, status: os.stat_result) -> bool:
        """Whether the file is still the same one."""
        return (
            self.size == status.st_size
            and self.modified == status.st_mtime_ns
            and self.changed == status.st_ctime_ns
            and self.inode == status.st_ino
            and self.mode == status.st_mode
        )


@dataclass(frozen=True, slots=True)
class State:
    """The files of a tree at one moment, and one digest of them all."""

    digest: str
    stamps: Mapping[str, Stamp] = field(repr=False)

    @property
    def paths(self) -> frozenset[str]:
        """The files and links."""
        return frozenset(self.stamps)


class Stamps:
    """Remembers the stamps of each tree in a file below ``folder``, which processes may share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def state(self, root: Path, paths: Iterable[str]) -> State:
        """The state of the files. Blocks, for as long as what changed takes to read."""
        file = self._folder / hashlib.sha256(os.fsencode(root)).hexdigest()[:32]
        known = _load(file)
        now = time.time_ns()
        found = dict[str, Stamp]()
        for entry in entries(root, paths):
            before = known.get(entry.path)
            found[entry.path] = (
                before if before and before.holds(entry.status) else _stamp(root, entry)
            )
        settled = {path: stamp for path, stamp in found.items() if stamp.changed < now - _COARSE}
        if settled != known:
            with contextlib.suppress(OSError):  # it only makes the next run slower
                write_whole(file, msgspec.msgpack.encode(settled))
        return State(_digest(found), found)


def _load(file: Path) -> dict[str, Stamp]:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=dict[str, Stamp])
    except (OSError, msgspec.DecodeError):
        return {}


def _stamp(root: Path, entry: Entry) -> Stamp:
    status = entry.status
    return Stamp(
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_mode,
        _content(root / entry.path, entry.is_link),
    )


def _content(path: Path, is_link: bool) -> bytes:
    """A digest of a file's content or a link's target; of a file that can't be read, of that."""
    made = hashlib.blake2b(digest_size=20)
    try:
        if is_link:
            made.update(os.fsencode(os.readlink(path)))
            return made.digest()
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                made.update(chunk)
    except OSError as error:
        made.update(f"unreadable: {error.errno}".encode())
    return made.digest()


def _digest(stamps: Mapping[str, Stamp]) -> str:
    made = hashlib.sha256()
    for path in sorted(stamps):
        stamp = stamps[path]
        name = path.encode(errors="surrogateescape")
        made.update(b"%d %o " % (len(name), S_IMODE(stamp.mode)) + name + stamp.digest)
    return made.hexdigest()
