"""What git tracks, read from a repository's index without trusting the repository.

git itself reads the index, as it knows all its versions and extensions, but from a git directory
of ours into which the index was copied: no configuration of the repository is in force, so none
can run a program (fsmonitor, hooks). The repository's objects are borrowed, as folders of a sparse
index are listed from them. What cannot be read for certain is refused: without knowing what is
tracked, nothing may be removed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lemnos.domains.cleanup.model import Reason
from lemnos.kernel.errors import Unprocessable
from lemnos.runners.cleanup.tracked import Tracked

_LARGEST = 1 << 30  # bytes of an index; that of the Linux kernel has 10 MB
_POINTER = 4096  # bytes of a file that names a git directory
_PATIENCE = 120.0  # seconds for one call of git
_GITLINK = b"160000"  # the mode of a submodule's entry

Signature = tuple[int, ...] | None


class Index:
    """The index of the repository whose work tree is at ``folder``. All calls block.

    Raises ``Unprocessable`` with code ``repository_unreadable`` for what git cannot read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._git_dir = self._found()
        self._path = self._git_dir / "index"

    def signature(self) -> Signature:
        """What changes when the index does: git replaces the file as a whole. None: no index."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(str(error.strerror)) from error
        return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def read(self, into: Tracked) -> None:
        """Add all that is tracked to ``into``, by its path from the work tree."""
        if self.signature() is None:
            self._demand_unborn()
            return
        for mode, path in self._entries():
            reason = Reason.REPOSITORY if mode == _GITLINK else Reason.TRACKED
            into.add(os.fsdecode(path), reason)

    def _entries(self) -> Iterator[tuple[bytes, bytes]]:
        content = self._content(self._path, _LARGEST)
        with tempfile.TemporaryDirectory(prefix="lemnos-index-") as made:
            hash_name = self._object_format()
            self._verify(content, hash_name)
            copy = _git_dir(Path(made), hash_name, self._common_dir() / "objects")
            (copy / "index").write_bytes(content)
            for shared in self._git_dir.glob("sharedindex.*"):  # of a split index
                (copy / shared.name).write_bytes(self._content(shared, _LARGEST))
            listed = self._git(copy, "ls-files", "-z", "--stage")
        for entry in listed.split(b"\0")[:-1]:
            mode, _, path = entry.partition(b"\t")
            yield mode[: len(_GITLINK)], path

    def _verify(self, content: bytes, hash_name: str) -> None:
        """git does not compare the checksum at the end by itself; zeros say that there is none."""
        length = hashlib.new(hash_name).digest_size
        body, told = content[:-length], content[-length:]
        if any(told) and hashlib.new(hash_name, body).digest() != told:
            raise self._unreadable("its index is damaged")

    def _object_format(self) -> str:
        """``sha1`` or ``sha256``, from the repository's configuration, which is only read."""
        config = self._common_dir() / "config"
        if not config.is_file():
            return "sha1"
        told = self._git(None, "config", "--file", str(config), "--no-includes", "--list", "-z")
        pairs = dict(pair.partition(b"\n")[::2] for pair in told.split(b"\0"))
        name = pairs.get(b"extensions.objectformat", b"sha1").decode(errors="replace").lower()
        if name not in ("sha1", "sha256"):
            raise self._unreadable(f"its object format {name!r} is unknown")
        return name

    def _demand_unborn(self) -> None:
        """No index is fine in a repository without commits; in others it was lost."""
        common = self._common_dir()
        heads = common / "refs" / "heads"
        branches = heads.is_dir() and any(heads.iterdir())
        if branches or (common / "packed-refs").exists() or (common / "reftable").exists():
            raise self._unreadable("it has commits but no index (`git reset` makes one)")

    def _found(self) -> Path:
        """The git directory: ``.git``, or where a file of that name points to."""
        place = self._folder / ".git"
        if place.is_dir():
            found = place
        else:
            pointer = self._content(place, _POINTER)
            if not pointer.startswith(b"gitdir: "):
                raise self._unreadable("its .git is neither a folder nor names one")
            found = self._folder / os.fsdecode(pointer.removeprefix(b"gitdir: ").rstrip(b"\r\n"))
        if not (found / "HEAD").exists():
            raise self._unreadable(f"{found} is not a git directory")
        return found

    def _common_dir(self) -> Path:
        """Where the configuration and the branches are: a linked work tree shares them."""
        pointer = self._git_dir / "commondir"
        if not pointer.exists():
            return self._git_dir
        return self._git_dir / os.fsdecode(self._content(pointer, _POINTER).strip())

    def _content(self, path: Path, limit: int) -> bytes:
        """A plain file's content; what is no plain file is not waited for."""
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self._unreadable(f"{path.name} is not a file")
                content = file.read(limit + 1)
        except OSError as error:
            raise self._unreadable(f"{path.name}: {error.strerror}") from error
        if len(content) > limit:
            raise self._unreadable(f"{path.name} is too large")
        return content

    def _git(self, git_dir: Path | None, *args: str) -> bytes:
        try:
            ended = subprocess.run(
                ("git", *args),
                env=_environment(git_dir),
                cwd=git_dir or "/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise self._unreadable("git is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise self._unreadable("git takes too long") from error
        if ended.returncode or ended.stderr:  # what git cannot read it leaves out, and goes on
            said = ended.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
            raise self._unreadable(said or f"git has ended with {ended.returncode}")
        return ended.stdout

    def _unreadable(self, why: str) -> Unprocessable:
        message = f"What git tracks in {self._folder} cannot be told, so nothing is removed: {why}."
        return Unprocessable(message, code="repository_unreadable")


def _git_dir(path: Path, hash_name: str, objects: Path) -> Path:
    """A git directory that borrows ``objects``, see gitrepository-layout(5)."""
    for folder in ("objects/info", "refs"):
        (path / folder).mkdir(parents=True)
    (path / "objects/info/alternates").write_bytes(os.fsencode(objects.resolve()) + b"\n")
    (path / "HEAD").write_text("ref: refs/heads/main\n")
    version = 0 if hash_name == "sha1" else 1
    (path / "config").write_text(
        f"[core]\n\trepositoryformatversion = {version}\n\tbare = false\n"
        + (f"[extensions]\n\tobjectformat = {hash_name}\n" if version else "")
    )
    return path


def _environment(git_dir: Path | None) -> dict[str, str]:
    """All that git gets to know: no configuration of the system, the user or the repository."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_DIR": str(git_dir or "/nonexistent"),
        "GIT_WORK_TREE": str(git_dir or "/nonexistent"),
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
