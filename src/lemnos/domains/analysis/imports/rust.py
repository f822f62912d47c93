"""Rust: modules of a crate, and crates of a workspace."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterator, Mapping

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.tree import Tree, up

_ROOTS = ("lib.rs", "main.rs", "mod.rs")


class RustModules:
    """Finds the file of a module path; what is left of the path is an item within it."""

    def __init__(self, tree: Tree, manifests: Mapping[str, str]) -> None:
        self._tree = tree
        self._crates: dict[str, str] = {}  # name as it is imported → folder of its sources
        for path, text in manifests.items():
            folder, name = posixpath.split(path)
            if name == "Cargo.toml" and (crate := _crate(text)):
                self._crates[crate.replace("-", "_")] = posixpath.join(folder, "src")

    def find(self, path: str, imported: Import) -> Iterator[str]:
        """The file that a ``use`` or ``mod`` leads to."""
        if imported.names == ("mod",):
            found = self._module(self._inside(path), [imported.target])
        else:
            found = self._used(path, imported.target.split("::"))
        if found:
            yield found

    def _used(self, path: str, parts: list[str]) -> str:
        head, *rest = parts
        if head == "crate":
            return self._module(self._crate_of(path), rest)
        if head == "self":
            return self._module(self._inside(path), rest)
        if head == "super":
            folder = posixpath.dirname(self._inside(path))
            while rest and rest[0] == "super":
                folder, rest = posixpath.dirname(folder), rest[1:]
            return self._module(folder, rest)
        if head in self._crates:
            folder = self._crates[head]
            return self._module(folder, rest) or self._tree.first(f"{folder}/lib.rs")
        return ""

    def _inside(self, path: str) -> str:
        """The folder of a file's own submodules."""
        folder, name = posixpath.split(path)
        return folder if name in _ROOTS else posixpath.join(folder, name.removesuffix(".rs"))

    def _crate_of(self, path: str) -> str:
        for folder in up(path):
            if self._tree.first(*(posixpath.join(folder, root) for root in _ROOTS[:2])):
                return folder
        return posixpath.dirname(path)

    def _module(self, folder: str, parts: list[str]) -> str:
        for size in range(len(parts), 0, -1):
            base = posixpath.join(folder, *(part.strip() for part in parts[:size]))
            if found := self._tree.first(f"{base}.rs", f"{base}/mod.rs"):
                return found
        return ""


def _crate(text: str) -> str:
    try:
        package = tomllib.loads(text).get("package", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return ""
    name = package.get("name", "") if isinstance(package, dict) else ""
    return name if isinstance(name, str) else ""
