"""Missing and misspelled imports."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from lemnos.runners.builtin.repairs.names import UNDEFINED
from lemnos.runners.builtin.repairs.symbols import (
    Edit,
    Repair,
    Symbols,
    alike,
    edited,
    module_name,
    name_edits,
)
from lemnos.runners.builtin.testrun import Failure

NO_SUCH_NAME = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'")
NO_SUCH_MODULE = re.compile(r"No module named '(?P<module>[\w.]+)'")


def missing(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """A name that is not defined here, but is the standard library's or the project's."""
    match = UNDEFINED.search(failure.message) if failure.kind == "NameError" else None
    if not match or not failure.frames:
        return
    name, path = match["name"], failure.frames[-1].path
    if name in sys.stdlib_module_names:
        yield _importing(symbols, path, name, None)
    for module in symbols.homes_of(name):
        if module != module_name(path):
            yield _importing(symbols, path, module, name)


def misspelled(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """An import of what does not exist, where something alike does."""
    if not failure.frames:
        return
    path = failure.frames[-1].path
    if match := NO_SUCH_NAME.search(failure.message):
        yield from _other_name(symbols, path, match["module"], match["name"])
        yield from _other_home(symbols, path, match["module"], match["name"])
    elif match := NO_SUCH_MODULE.search(failure.message):
        known = [*symbols.modules, *sys.stdlib_module_names]
        for other in alike(match["module"], known):
            yield from _other_module(symbols, path, match["module"], other)


def _importing(symbols: Symbols, path: str, module: str, name: str | None) -> Repair:
    import libcst
    from libcst.codemod import CodemodContext
    from libcst.codemod.visitors import AddImportsVisitor

    context = CodemodContext()
    AddImportsVisitor.add_needed_import(context, module, name)
    parsed = libcst.parse_module(symbols.source(path))
    text = AddImportsVisitor(context).transform_module(parsed).code
    statement = f"from {module} import {name}" if name else f"import {module}"
    return Repair(path, text, f"`{statement}` added")


def _other_name(symbols: Symbols, path: str, module: str, name: str) -> Iterator[Repair]:
    parsed = symbols.parsed(path)
    for other in alike(name, symbols.names_in(module)):
        edits = [
            Edit(alias.lineno, alias.col_offset, alias.col_offset + len(name.encode()), other)
            for statement in _imports_from(parsed, module)
            for alias in statement.names
            if alias.name == name
        ]
        renamed = edited(symbols.source(path), [*edits, *name_edits(parsed, name, other)])
        yield Repair(path, renamed, f"import of {name} from {module} corrected to {other}")


def _other_home(symbols: Symbols, path: str, module: str, name: str) -> Iterator[Repair]:
    """The name moved: some other module of the project defines it."""
    homes = [home for home, names in symbols.exported.items() if name in names]
    for home in homes:
        statements = [s for s in _imports_from(symbols.parsed(path), module) if len(s.names) == 1]
        edits = [_module_edit(statement, home) for statement in statements]
        if edits:
            text = edited(symbols.source(path), edits)
            yield Repair(path, text, f"{name} imported from {home}, where it is defined")


def _other_module(symbols: Symbols, path: str, module: str, other: str) -> Iterator[Repair]:
    parsed = symbols.parsed(path)
    edits = [_module_edit(statement, other) for statement in _imports_from(parsed, module)]
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            edits += [
                Edit(alias.lineno, alias.col_offset, alias.col_offset + len(module.encode()), other)
                for alias in node.names
                if alias.name == module
            ]
    if edits:
        text = edited(symbols.source(path), [*edits, *name_edits(parsed, module, other)])
        yield Repair(path, text, f"import of {module} corrected to {other}")


def _imports_from(parsed: ast.Module, module: str) -> list[ast.ImportFrom]:
    return [
        node
        for node in ast.walk(parsed)
        if isinstance(node, ast.ImportFrom) and node.module == module and not node.level
    ]


def _module_edit(statement: ast.ImportFrom, module: str) -> Edit:
    start = statement.col_offset + len("from ")
    return Edit(statement.lineno, start, start + len((statement.module or "").encode()), module)
