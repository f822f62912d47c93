"""The folder to clean: opened so that no link is followed, and only if it may be cleaned."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from lemnos.domains.cleanup.model import Reason
from lemnos.domains.workspaces.places import demand_ordinary
from lemnos.kernel.errors import Invalid
from lemnos.runners.cleanup.rubbish import INSTALLED, is_bare

Identity = tuple[int, int]  # device and inode

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# On the way to the root nothing is read, so it is enough to be allowed to pass through.
_PASSED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_OTHER_SYSTEMS = (".hg", ".jj", ".svn", ".bzr")  # whose tracked files nobody here can tell
_HOMES = tuple(Path(path) for path in ("/home", "/Users", "/var/home"))


class Root:
    """An open folder that may be cleaned.

    ``repositories`` are the work trees around it, the outermost first. Raises ``Invalid`` with
    field ``root`` for what must not be cleaned. Blocks.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        _demand_cleanable(self.path)
        self.repositories: list[Path] = []
        self.fd = self._open()
        try:
            if is_bare(set(os.listdir(self.fd))):
                raise refused(f"{self.path} is a git directory.")
        except BaseException:
            os.close(self.fd)
            raise

    def _open(self) -> int:
        """Open it from the top, one name after the other: a link put there meanwhile is refused."""
        fd, at = os.open("/", _PASSED), Path("/")
        *above, last = self.path.parts[1:]
        steps = [*((name, _PASSED) for name in above), (last, FOLDER)]
        try:
            for name, flags in steps:
                at /= name
                inner = os.open(name, flags, dir_fd=fd)
                os.close(fd)
                fd = inner
                self._look_for_repository(fd, at)
        except OSError as error:
            os.close(fd)
            raise refused(f"{at} cannot be opened: {error.strerror}.") from error
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _look_for_repository(self, fd: int, at: Path) -> None:
        if _holds(fd, ".git"):
            self.repositories.append(at)
            return
        for name in _OTHER_SYSTEMS:
            if _holds(fd, name):
                raise refused(f"{at} is under a version control that is not git ({name}).")


def refused(problem: str) -> Invalid:
    """The refusal of a root."""
    return Invalid(problem, code="path_not_allowed", fields={"root": problem})


def keepers(root: Path, protected: Iterable[Path]) -> dict[Identity, Reason]:
    """Folders and files below ``root`` that must not be entered or removed.

    They are known by device and inode, so that they are found under any name.
    """
    found: dict[Identity, Reason] = {}
    for path in _mounts_below(root):
        with suppress(OSError):
            found[identity(os.lstat(path))] = Reason.OTHER_FILE_SYSTEM
    for own in (*protected, *_own_homes()):
        with suppress(OSError):
            found[identity(os.stat(own))] = Reason.PROTECTED
    return found


def identity(found: os.stat_result) -> Identity:
    """By what a file or folder is known, whatever it is called."""
    return found.st_dev, found.st_ino


def _demand_cleanable(path: Path) -> None:
    demand_ordinary(path, field="root")
    if path in map(Path.resolve, _own_homes()) or path.parent in _HOMES:
        raise refused(f"{path} is a home directory; name a project inside of it.")
    for name in path.parts:
        if name == ".git":
            raise refused(f"{path} is inside of a git directory.")
        if name in INSTALLED:
            raise refused(f"{path} holds installed packages.")


def _own_homes() -> Iterator[Path]:
    with suppress(RuntimeError):
        yield Path.home()
    with suppress(KeyError):
        yield Path(pwd.getpwuid(os.geteuid()).pw_dir)


def _holds(fd: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        return False
    return True


def _mounts_below(root: Path) -> Iterator[str]:
    """Mount points: a bind mount from the same device, or of a single file, shows here only.

    From proc(5), ``/proc/pid/mountinfo``; where there is none, there are no bind mounts either.
    """
    try:
        content = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return
    prefix = os.fsencode(root) + b"/"
    for row in content.splitlines():
        path = row.split(b" ")[4].decode("unicode_escape").encode("latin-1")  # \040 is a space
        if path.startswith(prefix):
            yield os.fsdecode(path)
