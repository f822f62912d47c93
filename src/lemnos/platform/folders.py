"""Folders that agents have filled: measured and removed, whatever they hold and however deep."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

DEEPEST = os.pathconf("/", "PC_PATH_MAX")  # bytes of the longest path
_ENTRY = 1024  # bytes that each file, folder or link is taken to need besides its blocks


class Usage(NamedTuple):
    """``bytes`` on the disk. Not ``whole``: folders are nested deeper than a path can name."""

    bytes: int
    whole: bool


def usage_of(folders: Iterable[str | Path]) -> Usage:
    """What folders take up; links are not followed, what vanishes meanwhile is skipped. Blocks.

    Empty files count too, as the disk has room for so many.
    """
    used, whole = 0, True
    waiting = [os.fspath(folder) for folder in folders]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    used += entry.stat(follow_symlinks=False).st_blocks * 512 + _ENTRY
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            whole = whole and error.errno != errno.ENAMETOOLONG
    return Usage(used, whole)


def remove(folder: Path) -> bool:
    """Remove a folder, also what was made unreadable for its owner; whether it is gone. Blocks.

    By rm(1), which takes any depth and follows no link: ``shutil.rmtree`` ends at a thousand
    folders below each other, with an error of the interpreter.
    """
    for prepare in ((), ("chmod", "-R", "u+rwX", "--", str(folder))):
        if prepare:
            _quietly(*prepare)
        _quietly("rm", "-rf", "--", str(folder))
        if not os.path.lexists(folder):
            return True
    return False


def _quietly(*argv: str) -> None:
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
