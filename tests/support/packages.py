"""Source archives of real packages, fetched once from the registries that pip and npm are set to.

They are kept in .tools/packages. A test for which one can't be fetched skips, and says so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CACHE = Path(__file__).parents[2] / ".tools" / "packages"


def fetch_sdist(requirement: str) -> Path:
    """The unpacked source archive of a Python package."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    return _fetched(requirement, [*command, "--no-binary", ":all:", requirement], "*.tar.gz")


def fetch_npm(package: str) -> Path:
    """The unpacked archive of an npm package."""
    return _fetched(package, ["npm", "pack", "--silent", package], "*.tgz")


def sdist(requirement: str) -> Path:
    """Like :func:`fetch_sdist`; skips the test when there is no registry."""
    try:
        return fetch_sdist(requirement)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"MISSING: the source of {requirement} can't be fetched: {error}")


def npm(package: str) -> Path:
    """Like :func:`fetch_npm`; skips the test when there is no registry."""
    try:
        return fetch_npm(package)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"MISSING: the source of {package} can't be fetched: {error}")


def files_of(folder: Path) -> Iterator[Path]:
    """The regular files below a folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _fetched(name: str, command: list[str], pattern: str) -> Path:
    target = CACHE / name
    if target.exists():
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        unpacked = Path(folder) / "unpacked"
        with tarfile.open(next(Path(folder).glob(pattern))) as content:
            content.extractall(unpacked, filter="data")
        inner = next(unpacked.iterdir())  # all is in one folder
        if not target.exists():
            shutil.move(inner, target)
    return target
