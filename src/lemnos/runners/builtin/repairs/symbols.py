"""What the project and the standard library define, and edits to the source by syntax nodes."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lemnos.runners.builtin.dataflow import Function, Names
from lemnos.runners.builtin.testrun import is_test_file
from lemnos.runners.builtin.tree import Tree

LIKENESS = 0.72  # of difflib: "totl" and "total" have 0.89, "len" and "max" 0
# Modules whose names are written without their module often enough to be meant.
WELL_KNOWN = (
    "collections", "collections.abc", "contextlib", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "itertools", "operator", "pathlib", "statistics", "typing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """A possible repair: the file's whole new text."""

    path: str
    text: str
    what: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put in the place of a node: a line and two offsets in its UTF-8 bytes."""

    line: int
    start: int
    end: int
    text: str


class Symbols:
    """The definitions of a tree, read anew after each edit."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def source(self, path: str) -> str:
        """A file's text, empty where it cannot be read."""
        try:
            return self.tree.read(path)
        except (OSError, UnicodeDecodeError, ValueError):
            return ""

    def parsed(self, path: str) -> ast.Module:
        """A file's syntax tree, empty where it has none."""
        try:
            return ast.parse(self.source(path))
        except (SyntaxError, ValueError):
            return ast.Module([], [])

    @cached_property
    def modules(self) -> dict[str, str]:
        """The project's importable modules and their files, without the tests."""
        return {
            module_name(path): path
            for path in self.tree.files(".py", scoped=False)
            if not is_test_file(path) and not path.endswith("setup.py")
        }

    @cached_property
    def exported(self) -> dict[str, set[str]]:
        """The names that each of the project's modules defines itself."""
        return {
            module: {name for name in top_level(self.parsed(path)) if not name.startswith("__")}
            for module, path in self.modules.items()
        }

    def homes_of(self, name: str) -> list[str]:
        """The modules from which `name` could be meant: the project's, else well-known ones."""
        project = [module for module, names in self.exported.items() if name in names]
        return project or [m for m in WELL_KNOWN if name in public_names(m)]

    def names_in(self, module: str) -> set[str]:
        """What a module of the project or of the standard library defines."""
        return self.exported.get(module) or public_names(module)

    def class_named(self, name: str) -> Iterator[ast.ClassDef]:
        """The project's classes of this name."""
        for path in self.modules.values():
            for node in ast.walk(self.parsed(path)):
                if isinstance(node, ast.ClassDef) and node.name == name:
                    yield node

    def functions_named(self, name: str) -> Iterator[Function]:
        """The project's functions and methods of this name."""
        for path in self.modules.values():
            for node in ast.walk(self.parsed(path)):
                if isinstance(node, Function) and node.name == name:
                    yield node


def module_name(path: str) -> str:
    """`src/shop/cart.py` → `shop.cart`."""
    inner = path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__")
    return inner.replace("/", ".")


def top_level(module: ast.Module) -> set[str]:
    """Names that a module defines itself, without what it imports."""
    body = [node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return Names.of(body).bound


def public_names(module: str) -> set[str]:
    """What a module of the standard library exports; nothing else is ever imported for it."""
    if module.partition(".")[0] not in sys.stdlib_module_names:
        return set()
    import importlib

    try:
        loaded = importlib.import_module(module)
    except ImportError:
        return set()
    names: Iterable[str] = getattr(loaded, "__all__", None) or dir(loaded)
    return {name for name in names if not name.startswith("_")}


def alike(name: str, others: Iterable[str]) -> list[str]:
    """Names so much alike that one may be a slip for the other, the closest first."""
    return difflib.get_close_matches(name, sorted(set(others) - {name}), n=3, cutoff=LIKENESS)


def enclosing_function(module: ast.Module, line: int) -> Function | None:
    """The innermost function around a line."""
    around = [
        node
        for node in ast.walk(module)
        if isinstance(node, Function) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def statement_at(module: ast.Module, line: int) -> ast.AST:
    """The innermost statement around a line, the whole module where there is none."""
    around = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return max(around, key=lambda node: node.lineno, default=module)


def edited(source: str, edits: Sequence[Edit]) -> str:
    """The source with the edits made."""
    lines = source.encode().splitlines(keepends=True)
    for edit in sorted(edits, key=lambda e: (e.line, e.start), reverse=True):
        line = lines[edit.line - 1]
        lines[edit.line - 1] = line[: edit.start] + edit.text.encode() + line[edit.end :]
    return b"".join(lines).decode()


def name_edits(scope: ast.AST, old: str, new: str) -> list[Edit]:
    """Each use of a variable's name in the scope."""
    return [
        Edit(node.lineno, node.col_offset, node.col_offset + len(old.encode()), new)
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and node.id == old
    ]
