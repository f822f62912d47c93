"""JavaScript and TypeScript: relative paths, tsconfig's paths, packages of a workspace."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lemnos.domains.analysis.facts import Import
from lemnos.domains.analysis.imports.tree import Tree, join, up

_ENDS = (".ts", ".tsx", ".d.ts", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_WRITTEN_AS = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
# tsconfig.json has comments and commas at the end, which JSON has not.
_COMMENTS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_LAST_COMMA = re.compile(r",(\s*[}\]])")


class Ecmascript:
    """Finds what a module specifier means."""

    def __init__(self, tree: Tree, manifests: Mapping[str, str]) -> None:
        self._tree = tree
        self._paths: dict[str, list[tuple[str, str]]] = {}  # folder → pattern, target
        self._packages: dict[str, str] = {}  # name → folder
        for path, text in sorted(manifests.items()):
            folder, name = posixpath.split(path)
            content = _json(text)
            if name == "package.json" and isinstance(content.get("name"), str):
                self._packages[content["name"]] = folder
            elif name.startswith(("tsconfig", "jsconfig")):
                self._paths.setdefault(folder, []).extend(_mapped(folder, content))

    def find(self, path: str, imported: Import) -> Iterator[str]:
        """The file that a specifier means, if it is one of the repository."""
        target = imported.target
        if target.startswith("."):
            found = self._file(join(posixpath.dirname(path), target))
        else:
            found = self._by_paths(path, target) or self._by_package(target)
        if found:
            yield found

    def _by_paths(self, path: str, target: str) -> str:
        for folder in up(path):
            for pattern, mapped in self._paths.get(folder, ()):
                head, star, tail = pattern.partition("*")
                if not star:
                    middle = "" if target == pattern else None
                elif target.startswith(head) and target.endswith(tail):
                    middle = target[len(head) : len(target) - len(tail)]
                else:
                    middle = None
                if middle is not None and (found := self._file(mapped.replace("*", middle, 1))):
                    return found
        return ""

    def _by_package(self, target: str) -> str:
        parts = target.split("/")
        size = 2 if target.startswith("@") else 1
        folder = self._packages.get("/".join(parts[:size]))
        if folder is None:
            return ""
        rest = "/".join(parts[size:])
        return next(
            filter(None, (self._file(join(folder, f"{inner}{rest}")) for inner in ("", "src/"))),
            "",
        )

    def _file(self, base: str) -> str:
        stem, end = posixpath.splitext(base)
        written = (f"{stem}{other}" for other in _WRITTEN_AS.get(end, ()))
        index = f"{base}/index" if base else "index"
        return self._tree.first(
            base, *(f"{base}{each}" for each in _ENDS), *written, *(f"{index}{e}" for e in _ENDS)
        )


def _mapped(folder: str, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    options = content.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    given = options.get("baseUrl")
    base = join(folder, given) if isinstance(given, str) else folder
    paths = options.get("paths")
    for pattern, targets in (paths if isinstance(paths, dict) else {}).items():
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, str):
                yield pattern, join(base, target)
    if isinstance(given, str):
        yield "*", f"{base}/*".lstrip("/")


def _json(text: str) -> Mapping[str, Any]:
    """JSON with comments; empty for what is neither that nor an object."""
    plain = _COMMENTS.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    try:
        content = json.loads(_LAST_COMMA.sub(r"\1", plain))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
