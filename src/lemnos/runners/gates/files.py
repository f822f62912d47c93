"""Files of ours that processes share, and files that tools leave behind."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from lemnos.domains.quality.fingerprint import read_regular

_REPORT_MOST = 64 * 1024 * 1024  # bytes


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, all of it or nothing, for this user alone. Blocks. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_report(reports: Path, name: str) -> bytes:
    """A file that a tool has left in its folder of reports. Blocks.

    Raises ``ValueError`` where there is none, for one over 64 MB, and for what is no plain file: a
    test suite could put a link to a file of the server in its place.
    """
    try:
        return read_regular(reports / name, _REPORT_MOST)
    except OSError as error:
        raise ValueError(f"it left no report {name}: {error.strerror or error}") from None
