"""Rename a symbol everywhere, with Rope: `rename shop.Cart.totl to total in shop.py`."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.operations.base import Applied, BadInstruction, Finding, Work
from lemnos.runners.builtin.refactoring import rope_project, write_changes
from lemnos.runners.builtin.tree import Tree

NAME = r"[`\"']?(?P<{}>[A-Za-z_][\w.]*)(?:\(\))?[`\"']?"
INSTRUCTION = re.compile(
    r"\brename\s+(?:the\s+)?(?:(?:function|method|class|variable|module|symbol|constant)\s+)?"
    + NAME.format("old") + r"\s+(?:to|as|->)\s+" + NAME.format("new")
    + r"(?:\s+in\s+[`\"']?(?P<path>[\w./\-]+\.pyi?)[`\"']?)?",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """Where a symbol is defined; `offset` is that of its name in the file's text."""

    path: str
    line: int
    qualified: str
    offset: int


@dataclass(frozen=True)
class Rename:
    """One symbol. `old` may be dotted, as far as it takes to say which is meant."""

    old: str
    new: str
    path: str = ""
    risky: bool = True

    @property
    def name(self) -> str:
        return f"rename {self.old} to {self.new}"

    def detect(self, work: Work) -> Sequence[Finding]:
        return [Finding(d.path, d.line, f"defines {d.qualified}") for d in self._places(work.tree)]

    def apply(self, work: Work) -> Applied:
        places = self._places(work.tree)
        if len(places) != 1:
            return Applied(failed=self._which(places))
        from rope.base.exceptions import RopeError
        from rope.refactor.rename import Rename as RopeRename

        place = places[0]
        with rope_project(work.tree.root) as project:
            try:
                resource = project.get_resource(place.path)
                changes = RopeRename(project, resource, place.offset).get_changes(self.new)
            except (RopeError, SyntaxError, RecursionError) as error:
                return Applied(failed=f"Rope cannot rename {self.old}: {error}")
            changed = write_changes(work.tree, changes)
        return Applied(done=[f"{path}: {self.old} renamed to {self.new}" for path in changed])

    def _places(self, tree: Tree) -> list[Definition]:
        paths = [self.path] if self.path else list(tree.files(".py", scoped=False))
        wanted = "." + self.old
        return [
            definition
            for path in paths
            for definition in definitions(tree, path)
            if ("." + definition.qualified).endswith(wanted)
        ]

    def _which(self, places: Sequence[Definition]) -> str:
        if not places:
            return f"nothing named {self.old} is defined in {self.path or 'the Python files here'}"
        listed = ", ".join(f"{place.qualified} ({place.path}:{place.line})" for place in places)
        hint = "Say which, with more of its name or with `in PATH`"
        return f"{self.old} is defined in several places: {listed}. {hint}"


def read(prompt: str) -> Sequence[Rename]:
    renames = []
    for match in INSTRUCTION.finditer(prompt):
        new = match["new"].rstrip(".").rsplit(".", 1)[-1]
        if keyword.iskeyword(new):
            raise BadInstruction(f"rename: {new} is a keyword of Python")
        renames.append(Rename(match["old"].rstrip("."), new, match["path"] or ""))
    return renames


def definitions(tree: Tree, path: str) -> Iterator[Definition]:
    """Modules' and classes' functions, classes and variables, named from the module down."""
    try:
        source = tree.read(path)
        module = ast.parse(source)
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    prefix = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for qualified, name, node in _defined(module.body, prefix):
        text = lines[node.lineno - 1]
        column = len(text.encode()[: node.col_offset].decode())
        found = re.compile(rf"\b{re.escape(name)}\b").search(text, column)
        if found:
            yield Definition(path, node.lineno, qualified, starts[node.lineno - 1] + found.start())


def _defined(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, str, ast.stmt]]:
    seen = set()
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [node.name]
            case ast.Assign():
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                names = []
        for name in names:
            if name not in seen:  # the first assignment stands for the variable
                seen.add(name)
                yield f"{prefix}.{name}", name, node
        if isinstance(node, ast.ClassDef):
            yield from _defined(node.body, f"{prefix}.{node.name}")
