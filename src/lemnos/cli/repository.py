"""What ``--repo`` names: a URL as it is, or a repository on this machine."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lemnos.cli.errors import WrongUsage

_URL = re.compile(r"[a-z][a-z0-9+.-]*://|[^/]+@[^/]+:")  # also git@host:path, for a clear refusal


@dataclass(frozen=True, slots=True)
class Repository:
    """``url`` is what the server is told; ``folder`` is there for one on this machine."""

    url: str
    folder: Path | None = None


def repository(given: str) -> Repository:
    """The repository of a URL, or of a folder in or above the path. Raises ``WrongUsage``."""
    if _URL.match(given):
        return Repository(given)
    path = Path(given).expanduser().resolve()
    if not path.is_dir():
        raise WrongUsage(f"{given!r} is neither a URL nor a folder.", code="no_repository")
    for folder in (path, *path.parents):
        if (folder / ".git").exists() or _is_bare(folder):
            return Repository(str(folder), folder)
    raise WrongUsage(f"{path} is not in a git repository.", code="no_repository")


def has_uncommitted_changes(folder: Path) -> bool:
    """Whether the user has changes that a clone will not contain; False where git cannot tell."""
    if _is_bare(folder):
        return False
    command = ["git", "-c", "core.fsmonitor=false", "status", "--porcelain", "--ignore-submodules"]
    try:
        said = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return bool(said.stdout.strip())


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()
