"""The versions that lock files pin and that are installed, by package. All of it blocks."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import distributions
from typing import Any

import yaml
from packaging.utils import canonicalize_name

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.runners.gates.ecmascript.package import installed_version
from lemnos.runners.gates.project import Project

Versions = dict[str, str]

_LARGEST = 32 * 1024 * 1024  # bytes
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_PINNING = re.compile(r"(^|/)(requirements[^/]*\.(txt|lock)|requirements/[^/]+\.(txt|lock))$")
_YARN_ENTRY = re.compile(
    r'^"?((?:@[^@/"]+/)?[^@"\s]+)@[^\n]*:\n  version:? "?([^"\s]+)"?', re.MULTILINE
)


class Unreadable(ValueError):
    """A lock file that can't be read: what it pins nobody knows."""


def python_locked(project: Project) -> Versions:
    """What the Python lock files pin. Raises ``Unreadable``."""
    for name in ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"):
        if name in project.files:
            return _read(project, name, _toml_lock)
    found = Versions()
    for name in project.files:
        if _PINNING.search(name):
            found = {**_read(project, name, _pins), **found}
    return found


def node_locked(project: Project, packages: Iterable[str]) -> Versions:
    """What the npm, pnpm or Yarn lock file pins for the project itself. Raises ``Unreadable``."""
    for name, read in _NODE_LOCKS.items():
        if name in project.files:
            found = _read(project, name, read)
            return {package: found[package] for package in packages if package in found}
    return {}


def python_installed(project: Project) -> Versions | None:
    """The distributions of the project's own environment; None: it has none."""
    if project.python is None:
        return None
    places = (project.python.parent.parent / "lib").glob("python3*/site-packages")
    found = distributions(path=[str(place) for place in places])
    return {
        canonicalize_name(one.metadata["Name"]): one.version
        for one in found
        if one.metadata and one.metadata["Name"]
    }


def node_installed(project: Project, packages: Iterable[str]) -> Versions:
    """The packages of node_modules."""
    found = {package: installed_version(project, package) for package in packages}
    return {package: version for package, version in found.items() if version}


def _read(project: Project, name: str, read: Callable[[str], Versions]) -> Versions:
    try:
        return read(read_regular(project.root / name, _LARGEST).decode())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"{name} can't be read: {error}") from None
    except yaml.YAMLError as error:
        raise Unreadable(f"{name} can't be read: {' '.join(str(error).split())}") from None


def _toml_lock(text: str) -> Versions:
    """uv, Poetry and PDM write ``package``, PEP 751 ``packages``."""
    parsed = tomllib.loads(text)
    listed = parsed.get("package") or parsed.get("packages") or []
    return {canonicalize_name(one["name"]): one["version"] for one in listed if "version" in one}


def _pins(text: str) -> Versions:
    return {canonicalize_name(name): version for name, version in _PIN.findall(text)}


def _npm(text: str) -> Versions:
    """Versions 2 and 3 name folders, version 1 packages."""
    parsed = json.loads(text)
    if "packages" in parsed:
        folder = "node_modules/"
        return {
            path.removeprefix(folder): one["version"]
            for path, one in parsed["packages"].items()
            if path.startswith(folder) and path.count(folder) == 1 and "version" in one
        }
    return {name: one["version"] for name, one in parsed.get("dependencies", {}).items()}


def _pnpm(text: str) -> Versions:
    """The importer ``.`` is the project; a version may carry its peers in parentheses."""
    parsed: Any = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    importer = parsed.get("importers", {}).get(".", parsed)
    found = Versions()
    for section in ("dependencies", "devDependencies", "optionalDependencies"):
        for name, one in (importer.get(section) or {}).items():
            said = one["version"] if isinstance(one, Mapping) else one
            found[name] = str(said).split("(")[0].split("_")[0]
    return found


def _yarn(text: str) -> Versions:
    """Both formats alike: an entry for each range, of which the project's own comes up, too."""
    found = Versions()
    for name, version in _YARN_ENTRY.findall(text):
        found.setdefault(name, version)
    return found


_NODE_LOCKS: Mapping[str, Callable[[str], Versions]] = {
    "package-lock.json": _npm,
    "npm-shrinkwrap.json": _npm,
    "pnpm-lock.yaml": _pnpm,
    "yarn.lock": _yarn,
}
