"""Git directories written file by file: known content only, and no process to start.

The format is that of gitrepository-layout(5).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SHA256_LENGTH = 64  # hex digits of an object id in a SHA-256 repository, 40 in others


def write_git_dir(
    path: Path,
    *,
    commit: str,
    head: str,
    bare: bool = True,
    borrows: Path | None = None,
    refs: Mapping[str, str] | None = None,
    config: str = "",
) -> None:
    """Make a git directory in the object format that ``commit`` is written in.

    ``head`` is the branch that HEAD names. ``borrows`` is an object store to read from besides
    its own. ``refs`` maps full ref names to object ids. ``config`` is added as it is.
    """
    path.mkdir(mode=0o700, parents=True)
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (path / folder).mkdir(parents=True)
    (path / "config").write_text(_config(commit, bare) + config)
    if borrows is not None:
        (path / "objects/info/alternates").write_text(f"{borrows}\n")
        _copy_shallow(borrows.parent, path)
    lines = (f"{value} {name}\n" for name, value in sorted((refs or {}).items()))
    (path / "packed-refs").write_text("".join(lines), errors="surrogateescape")
    # Last: only with HEAD is it a git directory.
    (path / "HEAD").write_text(f"ref: refs/heads/{head}\n", errors="surrogateescape")


def remote_config(url: str, branch: str, author: tuple[str, str]) -> str:
    """Configuration of an agent's repository: where it came from, without any credential."""
    return (
        f'[remote "origin"]\n\turl = {_quoted(url)}\n'
        f"\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        f"[branch {_quoted(branch)}]\n\tremote = origin\n"
        f"\tmerge = {_quoted(f'refs/heads/{branch}')}\n"
    ) + author_config(author)


def author_config(author: tuple[str, str]) -> str:
    """Configuration that names who commits."""
    name, email = author
    return f"[user]\n\tname = {_quoted(name)}\n\temail = {_quoted(email)}\n"


def _config(commit: str, bare: bool) -> str:
    sha256 = len(commit) == _SHA256_LENGTH
    return (
        f"[core]\n\trepositoryformatversion = {int(sha256)}\n\tfilemode = true\n"
        f"\tbare = {str(bare).lower()}\n\tlogallrefupdates = {str(not bare).lower()}\n"
        + ("[extensions]\n\tobjectformat = sha256\n" if sha256 else "")
    )


def _quoted(value: str) -> str:
    """A value or section name for git's configuration syntax, see git-config(1)."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _copy_shallow(source: Path, target: Path) -> None:
    """Where history ends is not told by alternates: a borrower needs its own list."""
    shallow = source / "shallow"
    if shallow.is_file():
        (target / "shallow").write_bytes(shallow.read_bytes())
