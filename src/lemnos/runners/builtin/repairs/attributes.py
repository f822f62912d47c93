"""Misspelled attributes, methods and keyword arguments."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from lemnos.runners.builtin.dataflow import Names, arguments_of
from lemnos.runners.builtin.repairs.symbols import (
    Edit,
    Repair,
    Symbols,
    alike,
    edited,
    statement_at,
)
from lemnos.runners.builtin.testrun import Failure

OF_MODULE = re.compile(r"module '(?P<owner>[\w.]+)' has no attribute '(?P<name>\w+)'")
OF_OBJECT = re.compile(
    r"(?:type object )?'(?P<owner>\w+)'(?: object)? has no attribute '(?P<name>\w+)'"
)
KEYWORD = re.compile(r"(?P<function>\w+)\(\) got an unexpected keyword argument '(?P<name>\w+)'")


def misspelled(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """An attribute that its module or class does not have becomes the one that it resembles."""
    if failure.kind != "AttributeError" or not failure.frames:
        return
    if match := OF_MODULE.search(failure.message):
        known = symbols.names_in(match["owner"])
    elif match := OF_OBJECT.search(failure.message):
        known = _attributes_of(match["owner"], symbols)
    else:
        return
    frame, name = failure.frames[-1], match["name"]
    for other in alike(name, known):
        edits = [
            Edit(node.end_lineno or 0, (node.end_col_offset or 0) - len(name.encode()),
                 node.end_col_offset or 0, other)
            for node in ast.walk(statement_at(symbols.parsed(frame.path), frame.line))
            if isinstance(node, ast.Attribute) and node.attr == name
        ]  # fmt: skip
        if edits:
            text = edited(symbols.source(frame.path), edits)
            yield Repair(frame.path, text, f".{name} corrected to .{other}")


def misspelled_keyword(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """A keyword argument that the function does not take becomes the one that it resembles."""
    match = KEYWORD.search(failure.message) if failure.kind == "TypeError" else None
    if not match or not failure.frames:
        return
    frame, name = failure.frames[-1], match["name"]
    known = {a for f in symbols.functions_named(match["function"]) for a in arguments_of(f)}
    for owner in symbols.class_named(match["function"]):
        known |= _attributes_of(owner.name, symbols)  # a dataclass takes its fields
    for other in alike(name, known):
        edits = [
            Edit(word.lineno, word.col_offset, word.col_offset + len(name.encode()), other)
            for word in ast.walk(statement_at(symbols.parsed(frame.path), frame.line))
            if isinstance(word, ast.keyword) and word.arg == name
        ]
        if edits:
            text = edited(symbols.source(frame.path), edits)
            yield Repair(frame.path, text, f"keyword argument {name} corrected to {other}")


def _attributes_of(class_name: str, symbols: Symbols) -> set[str]:
    """What objects of the class have: its body's names, what it sets on self, its bases'."""
    builtin = getattr(builtins, class_name, None)
    if isinstance(builtin, type):
        return {name for name in dir(builtin) if not name.startswith("_")}
    known: set[str] = set()
    for node in symbols.class_named(class_name):
        known |= Names.of(node.body).bound
        for inner in ast.walk(node):
            match inner:
                case ast.Attribute(value=ast.Name(id="self"), attr=attr, ctx=ast.Store()):
                    known.add(attr)
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id != class_name:
                known |= _attributes_of(base.id, symbols)
    return known
