"""Files of a tree that nobody vouches for: regular ones, inside of it, and not too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lemnos.kernel.errors import LemnosError


class Refused(LemnosError):
    """The file is not read."""


def read_inside(root: Path, path: str, largest: int) -> bytes:
    """The content of a file. Raises ``Refused`` when it leads elsewhere or is too large."""
    return read_with_time(root, path, largest)[0]


def read_with_time(root: Path, path: str, largest: int) -> tuple[bytes, int]:
    """The content, and when it was last written, in microseconds."""
    base = os.path.realpath(root)
    folder = os.path.realpath(root / os.path.dirname(path))
    if folder != base and not folder.startswith(f"{base}/"):
        raise Refused("It is outside of the repository.")
    try:
        descriptor = os.open(
            os.path.join(folder, os.path.basename(path)),
            os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
        )
    except OSError as error:
        raise Refused(f"It can't be opened: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Refused("It is not a regular file.")
        if about.st_size > largest:
            raise Refused(f"It is larger than {largest >> 20} MB.")
        return file.read(largest), about.st_mtime_ns // 1000
