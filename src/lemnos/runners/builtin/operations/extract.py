"""Long functions are split: Rope extracts a coherent piece into a helper with a telling name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lemnos.runners.builtin.dataflow import Function, complexity
from lemnos.runners.builtin.extraction import extracted, loses_names
from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says
from lemnos.runners.builtin.pieces import Limits, functions_of, length, pieces_of
from lemnos.runners.builtin.testrun import is_test_file
from lemnos.runners.builtin.tree import Tree

MAX_HELPERS = 6  # taken out of one function
MAX_TRIES = 8  # pieces tried for one helper


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
        for piece in pieces_of(function, source, self.limits)[:MAX_TRIES]:
            text = extracted(work.tree, path, source, piece)
            if text is None or loses_names(work.tree, path, source, text):
                continue
            work.tree.write(path, text)
            if work.still_as_good():
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


def _find(source: str, name: str) -> Function | None:
    return dict(functions_of(ast.parse(source))).get(name)


def _parsed(tree: Tree, path: str) -> ast.Module:
    try:
        return ast.parse(tree.read(path))
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError):
        return ast.Module([], [])
