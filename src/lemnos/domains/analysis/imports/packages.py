"""Languages whose imports name packages: a file stands for itself only where it is named."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.tree import Tree

_GO_MODULE = re.compile(r"^\s*module\s+\"?([^\s\"]+)", re.MULTILINE)


class GoPackages:
    """Go: a package is a folder, and its files count together, tests left out."""

    def __init__(self, tree: Tree, manifests: Mapping[str, str]) -> None:
        self._tree = tree
        self._modules: dict[str, str] = {}
        for path, text in manifests.items():
            folder, name = posixpath.split(path)
            if name == "go.mod" and (found := _GO_MODULE.search(text)):
                self._modules[found[1]] = folder

    def find(self, _path: str, imported: Import) -> Iterator[str]:
        """The files of the package that an import path names."""
        prefix = imported.target
        while prefix and prefix not in self._modules:
            prefix = prefix.rpartition("/")[0]
        if not prefix:
            return
        inner = imported.target[len(prefix) :].strip("/")
        folder = posixpath.join(self._modules[prefix], inner).rstrip("/")
        for path in self._tree.folders.get(folder, ()):
            if path.endswith(".go") and not path.endswith("_test.go"):
                yield path


class Namespaces:
    """Java's packages and C#'s namespaces: a class is found by the name of its file."""

    def __init__(self, packages: Mapping[str, str], extension: str) -> None:
        self._members: dict[str, list[str]] = defaultdict(list)
        self._classes: dict[str, str] = {}
        for path, package in packages.items():
            stem, end = posixpath.splitext(posixpath.basename(path))
            if end == extension:
                self._members[package].append(path)
                self._classes[f"{package}.{stem}".lstrip(".")] = path

    def find(self, _path: str, imported: Import) -> Iterator[str]:
        """The class that is named, or the one around it; all of a package's for the whole one."""
        target = imported.target
        if target.endswith(".*") or target in self._members:
            members = self._members.get(target.removesuffix(".*"), ())
            if members:
                yield from members
                return
        name = target.removesuffix(".*")
        while name:
            if name in self._classes:
                yield self._classes[name]
                return
            name = name.rpartition(".")[0]
