"""What removes, and what only pretends to: a dry run differs from a real one in nothing else."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from typing import Protocol

from lemnos.runners.cleanup.folder import Folder
from lemnos.runners.cleanup.root import Identity, identity

_BLOCK = 512  # bytes, the unit of st_blocks


class Hands(Protocol):
    """Removes names from open folders. Raises ``OSError``."""

    def unlink(self, folder: Folder, name: str, found: os.stat_result) -> int:
        """Remove a file or link; the bytes of the disk that this frees."""
        ...

    def rmdir(self, parent: Folder, folder: Folder) -> int:
        """Remove an empty folder; the bytes of the disk that this frees."""
        ...


class Removing:
    """Removes for good."""

    def unlink(self, folder: Folder, name: str, found: os.stat_result) -> int:
        """Another hard link keeps the content, so that nothing is freed."""
        os.unlink(name, dir_fd=folder.fd)
        return found.st_blocks * _BLOCK if found.st_nlink == 1 else 0

    def rmdir(self, parent: Folder, folder: Folder) -> int:
        """Refused by the system for a folder that is not empty."""
        os.rmdir(folder.name, dir_fd=parent.fd)
        return folder.found.st_blocks * _BLOCK


class Pretending:
    """Removes nothing, frees what :class:`Removing` would, and fails where that would fail."""

    def __init__(self) -> None:
        self._gone: Counter[Identity] = Counter()  # hard links that would be gone by now

    def unlink(self, folder: Folder, name: str, found: os.stat_result) -> int:
        """The last of several hard links frees the content."""
        _demand_removable(folder, found)
        if found.st_nlink > 1:
            self._gone[identity(found)] += 1
            if self._gone[identity(found)] < found.st_nlink:
                return 0
        return found.st_blocks * _BLOCK

    def rmdir(self, parent: Folder, folder: Folder) -> int:
        """A folder that something was left in is never asked for."""
        _demand_removable(parent, folder.found)
        return folder.found.st_blocks * _BLOCK


def _demand_removable(folder: Folder, found: os.stat_result) -> None:
    """Raise what unlink(2) would: by the folder's permissions, and by its sticky bit."""
    if folder.refusal is None:
        folder.refusal = _refusal(folder.fd)
    if folder.refusal:
        raise OSError(folder.refusal, os.strerror(folder.refusal))
    owners = (0, found.st_uid, folder.found.st_uid)
    if folder.found.st_mode & stat.S_ISVTX and os.geteuid() not in (*owners,):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _refusal(fd: int) -> int:
    """Why nothing can be removed from a folder; 0 when something can."""
    if os.fstatvfs(fd).f_flag & os.ST_RDONLY:
        return errno.EROFS
    writable = os.access(".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=_EFFECTIVE)
    return 0 if writable else errno.EACCES


_EFFECTIVE = os.access in os.supports_effective_ids
