"""Source archives of real packages, from whichever registry pip is set up with."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

_TIMEOUT = 180.0  # seconds; the registry may be slow


def source_of(requirement: str, folder: Path) -> dict[str, bytes]:
    """The files of a package's source archive by path, without the archive's own folder.

    Skips the test, and says so, when the registry is away.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--no-binary", ":all:", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        problem = done.stderr.strip()[-300:] if done.returncode else ""
    except subprocess.TimeoutExpired:
        problem = f"no answer in {_TIMEOUT:g} s"
    if problem:
        pytest.skip(f"NOT TESTED: the source of {requirement} cannot be had: {problem}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        return {
            member.name.partition("/")[2]: file.read()
            for member in packed.getmembers()
            if member.isfile() and (file := packed.extractfile(member)) is not None
        }
