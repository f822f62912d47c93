"""Bare git repositories with given contents, made without any configuration of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

CLEAN_GIT_ENV = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


def git(*arguments: str | Path, cwd: Path | None = None, stdin: bytes | None = None) -> str:
    """Run git without any configuration of this machine, with a fixed author and date.

    Returns its output without the last newline. Raises CalledProcessError with stderr in a note.
    """
    done = subprocess.run(
        ["git", *map(str, arguments)],
        cwd=cwd,
        env=CLEAN_GIT_ENV,
        input=stdin,
        capture_output=True,
        check=False,  # what git says on stderr goes into the error below
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, done.args, done.stdout, done.stderr)
        error.add_note(done.stderr.decode(errors="replace"))
        raise error
    return done.stdout.decode(errors="surrogateescape").removesuffix("\n")


Files = Mapping[str, str | bytes]


def create_bare(
    path: Path, files: Files | None = None, branch: str = "main", commits: Sequence[Files] = ()
) -> Path:
    """A bare repository at `path`: a first commit with `files`, then one for each of `commits`.

    Without files it is empty. Contents of a later commit replace or add files.
    """
    path.mkdir(parents=True)
    git("init", "--quiet", "--bare", f"--initial-branch={branch}", path)
    for number, contents in enumerate([files, *commits] if files is not None else commits, 1):
        commit(path, contents or {}, branch=branch, message=f"Commit {number}")
    return path


def commit(bare: Path, files: Files, branch: str = "main", message: str = "Change") -> str:
    """Add a commit with these files on top of a branch of a bare repository; returns its hash."""
    stream = [f"commit refs/heads/{branch}\n".encode()]
    stream += [b"committer Tester <tester@example.com> 1767225600 +0000\n", _data(message)]
    if git("for-each-ref", f"refs/heads/{branch}", cwd=bare):
        stream.append(f"from refs/heads/{branch}^0\n".encode())
    for name, contents in files.items():
        stream += [f"M 100644 inline {name}\n".encode(), _data(contents)]
    fast_import(bare, stream)
    return git("rev-parse", f"refs/heads/{branch}", cwd=bare)


def _data(contents: str | bytes) -> bytes:
    raw = contents.encode() if isinstance(contents, str) else contents
    return b"data %d\n%s\n" % (len(raw), raw)


def fast_import(bare: Path, stream: Iterable[bytes]) -> None:
    """Feed a git-fast-import(1) stream, piece by piece, so that it may be large."""
    command = ["git", "-c", "core.compression=1", "fast-import", "--quiet", "--done"]
    process = subprocess.Popen(command, cwd=bare, env=CLEAN_GIT_ENV, stdin=subprocess.PIPE)
    with process:
        assert process.stdin is not None
        process.stdin.writelines(_ended(stream))
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _ended(stream: Iterable[bytes]) -> Iterator[bytes]:
    yield from stream
    yield b"done\n"
