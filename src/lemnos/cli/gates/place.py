"""What ``lemnos guard-rails`` is pointed at: a project, and the files to narrow it to.

A folder stands for the project that it is in: the nearest folder, itself first, that holds
``lemnos.toml``, ``pyproject.toml``, ``package.json`` or ``.git``; in none of them it is a project
by itself. Files, as pre-commit gives them, stand for the project that the working directory is in.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lemnos.cli.errors import WrongUsage

_MARKS = ("lemnos.toml", "pyproject.toml", "package.json", ".git")
_GIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A project. ``files`` are relative to it, with slashes; None: all of it."""

    root: Path
    files: tuple[str, ...] | None = None


def place(given: Sequence[str], *, changed: bool = False, since: str = "") -> Place:
    """What the arguments name. Raises ``WrongUsage`` for what is not there or does not fit."""
    paths = [Path(path).expanduser() for path in given]
    folders = [path for path in paths if path.is_dir()]
    if folders and len(paths) > 1:
        raise WrongUsage("Name one folder, or files; not both, and not several folders.")
    if len(paths) > len(folders) and (changed or since):
        raise WrongUsage("Files are named, so --changed and --since have nothing to choose.")
    root = project_root(folders[0] if folders else Path.cwd())
    if paths and not folders:
        return Place(root, tuple(sorted({_inside(root, path) for path in paths})))
    if changed or since:
        return Place(root, changed_files(root, since or "HEAD"))
    return Place(root)


def project_root(start: Path) -> Path:
    """The project that a folder is in."""
    folder = start.resolve()
    home = Path.home()
    for candidate in (folder, *folder.parents):
        if candidate == home and candidate != folder:
            break  # dotfiles kept in git do not make everything below them one project
        if any((candidate / mark).exists() for mark in _MARKS):
            return candidate
    return folder


def changed_files(root: Path, since: str) -> tuple[str, ...]:
    """Files that differ from a commit, and new ones that git does not ignore; deleted ones not.

    Raises ``WrongUsage`` where git does not know.
    """
    if since.startswith("-"):
        raise WrongUsage(f"{since!r} is not a commit.")
    differing = ("diff", "--name-only", "--relative", "--diff-filter=d", "-z", since, "--")
    new = ("ls-files", "--others", "--exclude-standard", "-z")
    found = {path for what in (differing, new) for path in _git(root, *what).split("\0") if path}
    return tuple(sorted(found))


def _inside(root: Path, path: Path) -> str:
    # Links are left as they are: it is the project's own names that gates speak of.
    absolute = Path(os.path.normpath(path.parent.resolve() / path.name))
    if not os.path.lexists(absolute):
        raise WrongUsage(f"There is no file {path}.", code="no_file")
    if not absolute.is_relative_to(root):
        raise WrongUsage(f"{path} is outside of the project {root}.", code="outside")
    return absolute.relative_to(root).as_posix()


def _git(root: Path, *arguments: str) -> str:
    # Nothing of the repository's own configuration is run.
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        said = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_EXTERNAL_DIFF": ""},
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()
        raise WrongUsage(f"git does not know what has changed in {root}: {reason}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrongUsage(f"git does not run in {root}: {error}") from error
    return said.stdout.decode(errors="surrogateescape")
