"""Writing into an agent's home from outside, after an agent may have prepared it."""

from __future__ import annotations

import os
from pathlib import Path


def private_folder(path: Path) -> Path:
    """A folder of mode 0700 at this path; a link or file that is there instead is removed.

    Only the last part is checked: the parents must be out of the agent's reach.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def write_private(path: Path, content: bytes) -> Path:
    """Write a file that only its owner may read.

    An agent may have put something else at this path in an earlier run, a link to a file of the
    server's even: it is removed first, and nothing that exists is opened.
    """
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(content)
    return path
