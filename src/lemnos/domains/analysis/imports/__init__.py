"""Which files of a repository a file imports: one module for each family of languages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.ecmascript import Ecmascript
from lemnos.domains.analysis.imports.included import Included
from lemnos.domains.analysis.imports.packages import GoPackages, Namespaces
from lemnos.domains.analysis.imports.python import PythonModules
from lemnos.domains.analysis.imports.rust import RustModules
from lemnos.domains.analysis.imports.tree import Tree

# Files beside the sources that say how imports are to be read.
MANIFESTS = frozenset(
    {"go.mod", "package.json", "tsconfig.json", "tsconfig.base.json", "jsconfig.json", "Cargo.toml"}
)

Find = Callable[[str, Import], Iterable[str]]


class ImportGraph:
    """Resolves imports as they are written to the paths that they mean.

    ``packages`` maps a path to the package or namespace that its file names; ``manifests`` a path
    to its content. What cannot be read is passed over.
    """

    def __init__(
        self,
        paths: Iterable[str],
        packages: Mapping[str, str] | None = None,
        manifests: Mapping[str, bytes] | None = None,
    ) -> None:
        tree = Tree(paths)
        texts = {path: text.decode(errors="replace") for path, text in (manifests or {}).items()}
        named = packages or {}
        ecmascript = Ecmascript(tree, texts)
        included = Included(tree)
        self._finders: dict[str, Find] = {
            "python": PythonModules(tree).find,
            **dict.fromkeys(("javascript", "typescript", "tsx"), ecmascript.find),
            "go": GoPackages(tree, texts).find,
            "java": Namespaces(named, ".java").find,
            "c_sharp": Namespaces(named, ".cs").find,
            "rust": RustModules(tree, texts).find,
            **dict.fromkeys(("c", "cpp"), included.find),
            "ruby": included.required,
        }

    def imported(self, path: str, language: str, imports: Iterable[Import]) -> set[str]:
        """The files that a file imports, itself left out."""
        find = self._finders.get(language)
        if find is None:
            return set()
        found = {target for each in imports for target in find(path, each)}
        found.discard(path)
        return found
