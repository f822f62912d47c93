"""Languages that name files by a path below some search path: C, C++ and Ruby."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.tree import Tree, join


class Included:
    """Finds a file beside the one that names it, else the one path that ends in what is named."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in tree.files:
            self._by_name[posixpath.basename(path)].append(path)

    def find(self, path: str, imported: Import) -> Iterator[str]:
        """What ``#include "…"`` means."""
        beside = join(posixpath.dirname(path), imported.target)
        if beside in self._tree.files:
            yield beside
        else:
            yield from self._ending(imported.target)

    def required(self, path: str, imported: Import) -> Iterator[str]:
        """What Ruby's ``require`` and ``require_relative`` mean."""
        name = f"{imported.target.removesuffix('.rb')}.rb"
        beside = join(posixpath.dirname(path), name)
        if "relative" not in imported.names:
            yield from self._ending(f"lib/{name}") or self._ending(name)
        elif beside in self._tree.files:
            yield beside

    def _ending(self, target: str) -> list[str]:
        """The one path with this end; nothing when it could be several."""
        named = self._by_name.get(posixpath.basename(target), ())
        found = [path for path in named if f"/{path}".endswith(f"/{target.lstrip('./')}")]
        return found if len(found) == 1 else []
