"""What a refactoring is given, and how it says that it does not apply."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lemnos.runners.builtin.dataflow import Function
from lemnos.runners.builtin.pieces import functions_of
from lemnos.runners.builtin.tree import Tree


class DoesNotApply(Exception):
    """The tools cannot do this here for certain; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """An opportunity as the analysis found it; lines count from 1 and include both ends."""

    type: str
    path: str
    blob: str
    start: int
    end: int
    symbol: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, operation: Mapping[str, Any]) -> Target:
        """Raises KeyError, TypeError or ValueError for what is no operation."""
        return cls(
            type=str(operation["type"]),
            path=str(operation["path"]),
            blob=str(operation["blob"]),
            start=int(operation["start"]),
            end=int(operation["end"]),
            symbol=str(operation.get("symbol", "")),
            data=dict(operation.get("data", {})),
        )

    def said(self, *names: str) -> str:
        """What the analysis said under one of these names."""
        return next((str(self.data[name]) for name in names if self.data.get(name)), "")


# Changes the tree and says what it did; raises DoesNotApply.
Refactoring = Callable[[Tree, Target], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """A function of a file, as it is now."""

    source: str
    name: str
    function: Function


def place_of(tree: Tree, target: Target) -> Place:
    """The function that the target names, else the innermost one around its lines."""
    source = tree.read(target.path)
    found = dict(functions_of(parsed(source)))
    wanted = target.symbol.removesuffix("()")
    for name, function in found.items():
        if wanted and (name == wanted or name.endswith(f".{wanted}")):
            return Place(source, name, function)
    around = [
        (function.lineno, name)
        for name, function in found.items()
        if first_line(function) <= target.start and target.end <= (function.end_lineno or 0)
    ]
    if not around:
        raise DoesNotApply(f"there is no function at {target.path}:{target.start}")
    name = max(around)[1]
    return Place(source, name, found[name])


def first_line(function: Function) -> int:
    """Where its decorators begin."""
    return min([function.lineno, *(node.lineno for node in function.decorator_list)])


def parsed(source: str) -> ast.Module:
    """The module's syntax tree. Raises DoesNotApply for what this Python cannot parse."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise DoesNotApply(f"the file cannot be parsed: {error}") from error


def line_offsets(source: str) -> list[int]:
    """The offset (characters) at which each line begins; the first is that of line 1."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def span(node: ast.expr | ast.stmt | ast.arg, source: str) -> tuple[int, int]:
    """Where a node begins and ends in the text, in characters; its columns are bytes."""
    lines = source.splitlines(keepends=True)
    starts = line_offsets(source)

    def at(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    return (
        at(node.lineno, node.col_offset),
        at(node.end_lineno or node.lineno, node.end_col_offset or 0),
    )
