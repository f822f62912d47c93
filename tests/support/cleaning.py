"""Trees to clean, and what is in them before and after."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lemnos.domains.cleanup.model import Cleaned
from lemnos.runners.cleanup.cleaner import FolderCleaner


def clean(root: Path, *, deep: bool = True, dry: bool = False, cleaner=None) -> Cleaned:
    """Clean a folder with the real cleaner."""
    return (cleaner or FolderCleaner()).clean_now(root, deep_clean=deep, dry_run=dry)


def plant(root: Path, *paths: str) -> Path:
    """Files of some bytes each, folders for names that end in a slash."""
    for path in paths:
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.encode(errors="surrogateescape") * 300)
    return root


def git(folder: Path, *args: str, **env: str) -> str:
    """Run git as a user would."""
    identity = {
        **{f"GIT_{who}_NAME": "A" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "a@example.com" for who in ("AUTHOR", "COMMITTER")},
        "GIT_CONFIG_GLOBAL": "/dev/null",
    }
    argv = ("git", "-c", "protocol.file.allow=always", *args)
    environ = {**os.environ, **identity, **env}
    ended = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def repository(folder: Path, *tracked: str, init: tuple[str, ...] = ()) -> Path:
    """A repository that tracks these files, one commit deep."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", *init)
    plant(folder, *tracked)
    if tracked:
        git(folder, "add", "--force", "--", *tracked)
        git(folder, "commit", "--quiet", "--message", "first")
    return folder


def listing(root: Path) -> set[str]:
    """All that is below a folder, but for what is inside of git directories."""
    found = set()
    for above, folders, files in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        within = os.path.relpath(above, root)
        prefix = "" if within == "." else within + "/"
        found |= {prefix + name for name in files}
        found |= {
            prefix + name + ("" if (Path(above) / name).is_symlink() else "/") for name in folders
        }
    return found


def removed(cleaned: Cleaned) -> dict[str, str]:
    """Path to category."""
    return {one.path: one.category.value for one in cleaned.removed}


def skipped(cleaned: Cleaned) -> dict[str, str]:
    """Path to reason."""
    return {one.path: one.reason.value for one in cleaned.skipped}


def errors(cleaned: Cleaned) -> Mapping[str, str]:
    """Path to what the system said."""
    return {one.path: one.error for one in cleaned.errors}
