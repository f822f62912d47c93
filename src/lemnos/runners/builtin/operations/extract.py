"""Long functions are split: Rope extracts a coherent piece into a helper with a telling name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.dataflow import Function, complexity
from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says
from lemnos.runners.builtin.pieces import Limits, Piece, functions_of, length, pieces_of
from lemnos.runners.builtin.refactoring import rope_project
from lemnos.runners.builtin.testrun import is_test_file
from lemnos.runners.builtin.tree import Tree

MAX_HELPERS = 6  # taken out of one function
MAX_TRIES = 8  # pieces tried for one helper
LOST_NAMES = "F821,F823,F841"  # undefined, local before assignment, never used


@dataclass(frozen=True)
class ExtractHelpers:
    """Each function over the limits gives up pieces until it is within them."""

    limits: Limits = field(default_factory=Limits)
    name: str = "long functions"
    risky: bool = False  # each extraction is put to the tests by itself

    def detect(self, work: Work) -> Sequence[Finding]:
        return [
            Finding(path, function.lineno, self._complaint(name, function))
            for path, name, function in self._long_functions(work.tree)
        ]

    def apply(self, work: Work) -> Applied:
        applied = Applied()
        for path, name, _ in list(self._long_functions(work.tree)):
            self._split(work, path, name, applied)
        return applied

    def _split(self, work: Work, path: str, name: str, applied: Applied) -> None:
        for _ in range(MAX_HELPERS):
            function = _find(work.tree.read(path), name)
            if function is None or not self.limits.exceeded_by(function):
                return
            before = length(function)
            helper = self._take_one(work, path, function)
            if helper is None:
                applied.left.append(
                    f"{path}: {self._complaint(name, function)}; no piece of it has few enough "
                    "inputs and outputs and a name that says what it does"
                )
                return
            function = _find(work.tree.read(path), name)
            after = length(function) if function else 0
            applied.done.append(f"{path}: {helper}() taken out of {name}: {before} → {after} lines")

    def _take_one(self, work: Work, path: str, function: Function) -> str | None:
        source = work.tree.read(path)
        complaints = len(ruff.check(work.tree.root, LOST_NAMES, targets=[path]))
        for piece in pieces_of(function, source, self.limits)[:MAX_TRIES]:
            extracted = _extracted(work.tree, path, source, piece)
            if extracted is None:
                continue
            work.tree.write(path, extracted)
            found = len(ruff.check(work.tree.root, LOST_NAMES, targets=[path]))
            if found <= complaints and work.still_as_good():
                return piece.name
            work.tree.write(path, source)
        return None

    def _long_functions(self, tree: Tree) -> Iterator[tuple[str, str, Function]]:
        for path in tree.files(".py"):
            if is_test_file(path):
                continue
            for name, function in functions_of(_parsed(tree, path)):
                if self.limits.exceeded_by(function):
                    yield path, name, function

    def _complaint(self, name: str, function: Function) -> str:
        return f"{name} has {length(function)} lines and a complexity of {complexity(function)}"


def read(prompt: str) -> Sequence[ExtractHelpers]:
    asked = says(
        prompt,
        r"\b(?:long|big|large|huge|complex)\w*[ -](?:function|method)",
        r"\b(?:split|extract|break)\b.*\b(?:function|method|helper)s?\b",
        r"\b(?:function|method)s?\b.*\btoo (?:long|complex)\b",
        r"\brefactor\b",
    )
    if not asked:
        return []
    asked_lines = re.search(r"(?:longer than|over|more than|at most|under)\s+(\d+)\s+lines", prompt)
    limits = Limits(lines=int(asked_lines[1])) if asked_lines else Limits()
    return [ExtractHelpers(limits)]


def _extracted(tree: Tree, path: str, source: str, piece: Piece) -> str | None:
    """The file's text with the piece in a helper; None where Rope refuses."""
    from rope.base.exceptions import RopeError
    from rope.refactor.extract import ExtractMethod

    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    with rope_project(tree.root) as project:
        try:
            extraction = ExtractMethod(
                project, project.get_resource(path), starts[piece.first - 1], starts[piece.last] - 1
            )
            changes = extraction.get_changes(piece.name)
            text: str = changes.changes[0].new_contents
            ast.parse(text)
        except (RopeError, SyntaxError, RecursionError, AttributeError, KeyError):
            return None  # the last two: Rope's way of meeting syntax newer than itself
    return _with_docstring(text, source, piece)


def _with_docstring(text: str, source: str, piece: Piece) -> str:
    """The comment above the piece becomes the helper's docstring."""
    if not piece.docstring:
        return text
    lines = text.splitlines(keepends=True)
    helper = next(
        node for node in ast.walk(ast.parse(text))
        if isinstance(node, Function) and node.name == piece.name
    )  # fmt: skip
    first = helper.body[0]
    docstring = piece.docstring.replace("\\", "").replace('"""', "'''")
    lines.insert(first.lineno - 1, " " * first.col_offset + f'"""{docstring}"""\n')
    above = slice(piece.first - 1 - piece.comment_lines, piece.first - 1)
    if helper.lineno > piece.first and lines[above] == source.splitlines(keepends=True)[above]:
        del lines[above]
    return "".join(lines)


def _find(source: str, name: str) -> Function | None:
    return dict(functions_of(ast.parse(source))).get(name)


def _parsed(tree: Tree, path: str) -> ast.Module:
    try:
        return ast.parse(tree.read(path))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return ast.Module([], [])
