"""The Python of a project: its virtual environment, what that stands on, what is installed in it.

What a tree says of its environment may have been written by an agent: nothing outside of the tree
becomes readable by it that is not a Python installation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.quality.fingerprint import read_regular

_FOLDERS = (".venv", "venv")
_SYSTEM = tuple(map(Path, ("/usr", "/bin", "/lib", "/lib64")))
_LARGEST = 64 * 1024  # bytes of pyvenv.cfg


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: its interpreter, and what a sandbox has to show besides the tree."""

    python: Path
    readable: tuple[Path, ...] = ()


def environment_of(root: Path, active: Path | None = None) -> Environment | None:
    """The project's own environment, else the ``active`` one, else None. Blocks."""
    for folder in (*(root / name for name in _FOLDERS), *((active,) if active else ())):
        python = folder / "bin" / "python"
        if (folder / "pyvenv.cfg").is_file() and os.access(python, os.X_OK):
            return Environment(python, _outside(root, folder))
    return None


def installed(python: Path) -> tuple[str, ...]:
    """The distributions in an interpreter's environment as ``name-version``, in order. Blocks.

    Links to folders (``.pth``) belong to them: another one is another environment.
    """
    found = set[str]()
    for folder in site_packages(python):
        for name in _names(folder):
            if name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link")):
                found.add(name.removesuffix(".dist-info"))
    return tuple(sorted(found))


def site_packages(python: Path) -> tuple[Path, ...]:
    """Where an environment keeps its distributions. Blocks."""
    return tuple(sorted(python.parent.parent.glob("lib/python3*/site-packages")))


def version_of(python: Path, distribution: str) -> str:
    """The version of a distribution in an environment; empty where it has none. Blocks."""
    wanted = distribution.lower().replace("-", "_")
    for entry in installed(python):
        name, dash, version = entry.partition("-")
        if dash and name.lower().replace(".", "_") == wanted:
            return version
    return ""


def _outside(root: Path, folder: Path) -> tuple[Path, ...]:
    """What the environment needs from outside the tree: itself, and the Python that it is of."""
    real = folder.resolve()
    needed = list[Path]() if real.is_relative_to(root.resolve()) else [real]
    if not folder.is_relative_to(root):
        needed.append(folder)
    for home in _homes(folder):
        prefix = home.parent
        if not (home.is_dir() and _is_python(prefix)) or any(
            home.is_relative_to(path) for path in _SYSTEM
        ):
            continue
        needed += [home, prefix / "lib"]
    return tuple(dict.fromkeys(needed))


def _homes(folder: Path) -> list[Path]:
    """Where the interpreter behind an environment is: as it is named, and as it really is."""
    python = folder / "bin" / "python"
    homes = [python.resolve().parent]
    try:
        config = read_regular(folder / "pyvenv.cfg", _LARGEST).decode(errors="replace")
    except (OSError, ValueError):
        return homes
    for line in config.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "home" and value.strip().startswith("/"):
            homes.append(Path(value.strip()))
    return homes


def _is_python(prefix: Path) -> bool:
    """Whether a folder is a Python installation of its own, and not one that holds more."""
    if prefix in (Path("/"), Path.home()):
        return False
    return any(prefix.glob("lib/python3.*/os.py")) and any(prefix.glob("bin/python3*"))


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
