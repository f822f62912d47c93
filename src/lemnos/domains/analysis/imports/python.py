"""Python: packages, plain modules, and relative imports."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.tree import Tree, join

_ENDS = (".py", ".pyi", "/__init__.py", "/__init__.pyi")


class PythonModules:
    """Finds modules below the folders from which they can be imported.

    Such a folder is one that is no package itself and holds a module or a package: the root,
    ``src``, a folder of scripts. If there are several, the one nearest to the importing file wins.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._roots: dict[str, list[str]] = defaultdict(list)  # top name → folders that have it
        packages = {posixpath.dirname(path) for path in tree.files if path.endswith("/__init__.py")}
        for path in tree.files:
            folder, name = posixpath.split(path)
            stem, end = posixpath.splitext(name)
            if end in (".py", ".pyi") and folder not in packages:
                self._roots[stem].append(folder)
        for package in tree.all_folders - {""}:
            parent, name = posixpath.split(package)
            if parent not in packages:
                self._roots[name].append(parent)

    def find(self, path: str, imported: Import) -> Iterator[str]:
        """The modules that an import statement names."""
        if imported.level:
            folder = posixpath.dirname(path)
            for _ in range(imported.level - 1):
                folder = posixpath.dirname(folder)
            base = join(folder, imported.target.replace(".", "/")) if imported.target else folder
            yield from self._below(base, imported.names)
            return
        inner = imported.target.replace(".", "/")
        roots = self._roots.get(inner.partition("/")[0], ())
        for root in sorted(roots, key=lambda each: (not _around(each, path), -len(each))):
            found = list(self._below(posixpath.join(root, inner), imported.names))
            if found:
                yield from found
                return

    def _below(self, base: str, names: tuple[str, ...]) -> Iterator[str]:
        """The submodules that are named, and the module itself if it gives anything else."""
        modules = [self._module(posixpath.join(base, name)) for name in names]
        yield from filter(None, modules)
        if (not all(modules) or not names) and (own := self._module(base)):
            yield own

    def _module(self, base: str) -> str:
        return self._tree.first(*(f"{base}{end}".lstrip("/") for end in _ENDS))


def _around(root: str, path: str) -> bool:
    return not root or path.startswith(f"{root}/")
