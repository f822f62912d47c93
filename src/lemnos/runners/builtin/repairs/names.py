"""Misspelled names of variables and functions."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from lemnos.runners.builtin.dataflow import Function, Names, arguments_of
from lemnos.runners.builtin.repairs.symbols import (
    Repair,
    Symbols,
    alike,
    edited,
    enclosing_function,
    name_edits,
)
from lemnos.runners.builtin.testrun import Failure

UNDEFINED = re.compile(r"name '(?P<name>\w+)' is not defined")
UNBOUND = re.compile(r"local variable '(?P<name>\w+)'")


def misspelled(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """A name that is not defined becomes the one in reach that it resembles."""
    pattern = {"NameError": UNDEFINED, "UnboundLocalError": UNBOUND}.get(failure.kind)
    match = pattern.search(failure.message) if pattern else None
    if not match or not failure.frames:
        return
    name, frame = match["name"], failure.frames[-1]
    module = symbols.parsed(frame.path)
    function = enclosing_function(module, frame.line)
    scope: ast.AST = function or module
    local_only = failure.kind == "UnboundLocalError"
    for other in alike(name, _in_reach(module, function, local_only=local_only)):
        text = edited(symbols.source(frame.path), name_edits(scope, name, other))
        yield Repair(frame.path, text, f"{name} renamed to {other}, which it must have meant")


def _in_reach(module: ast.Module, function: Function | None, *, local_only: bool) -> set[str]:
    local = arguments_of(function) | Names.of(function.body).bound if function else set()
    return local if local_only else local | Names.of(module.body).bound | set(dir(builtins))
