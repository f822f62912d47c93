"""Common defects that a failing test may be about, looked for in the code that it runs."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.dataflow import Function, Names, arguments_of
from lemnos.runners.builtin.repairs.symbols import Edit, Repair, Symbols, edited, module_name
from lemnos.runners.builtin.testrun import Failure, is_test_file

MAX_FILES = 30
PLACEHOLDER = re.compile(r"\{(?P<name>[A-Za-z_]\w*)[^{}]*\}")
# See https://docs.astral.sh/ruff/rules/ for what each looks for and why.
RULES = {
    "B006": "mutable default argument made anew for each call",
    "E711": "comparison to None made one of identity",
    "E712": "comparison to True or False made a test of truth",
    "F632": "comparison to a literal by identity made one of equality",
}


def near(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """Suspects in the files of the traceback, then in what the test imports."""
    suspects: tuple[Callable[[Symbols, str], Iterator[Repair]], ...] = (
        _by_rule,
        _missing_f_prefix,
        _missing_return,
    )
    for path in _files_near(failure, symbols):
        for suspect in suspects:
            yield from suspect(symbols, path)


def _files_near(failure: Failure, symbols: Symbols) -> list[str]:
    """The files of the traceback and all that they import of the project, without the tests."""
    waiting = [frame.path for frame in reversed(failure.frames)]
    seen: dict[str, None] = {}
    while waiting and len(seen) < MAX_FILES:
        path = waiting.pop(0)
        if path not in seen:
            seen[path] = None
            waiting += _imported(symbols, path)
    return [path for path in seen if not is_test_file(path)]


def _imported(symbols: Symbols, path: str) -> Iterator[str]:
    package = module_name(path).rpartition(".")[0]
    for node in ast.walk(symbols.parsed(path)):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = f"{package}.{node.module or ''}".strip(".") if node.level else node.module or ""
            modules = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        yield from (symbols.modules[module] for module in modules if module in symbols.modules)


def _by_rule(symbols: Symbols, path: str) -> Iterator[Repair]:
    source = symbols.source(path)
    for rule, what in RULES.items():
        fixed = ruff.fixed(symbols.tree.root, path, source, rule)
        if fixed and fixed != source:
            yield Repair(path, fixed, what)


def _missing_f_prefix(symbols: Symbols, path: str) -> Iterator[Repair]:
    """A string with placeholders for names in reach that nothing ever fills in."""
    module = symbols.parsed(path)
    formatted = {
        id(node.func.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    for function in (node for node in ast.walk(module) if isinstance(node, Function)):
        known = arguments_of(function) | Names.of(function.body).bound
        pieces = {
            id(v) for n in ast.walk(function) if isinstance(n, ast.JoinedStr) for v in n.values
        }
        for node in ast.walk(function):
            match node:
                case ast.Constant(value=str() as text) if id(node) not in formatted | pieces:
                    names = {match["name"] for match in PLACEHOLDER.finditer(text)}
                    if names and names <= known:
                        edit = Edit(node.lineno, node.col_offset, node.col_offset, "f")
                        source = edited(symbols.source(path), [edit])
                        yield Repair(
                            path, source, f"line {node.lineno}: the string's f prefix added"
                        )


def _missing_return(symbols: Symbols, path: str) -> Iterator[Repair]:
    """A function that says what type it returns and never returns what it worked out last."""
    source = symbols.source(path)
    for function in (n for n in ast.walk(symbols.parsed(path)) if isinstance(n, Function)):
        match function.returns, function.body[-1]:
            case None | ast.Constant(value=None), _:
                continue
            case _, ast.Assign(targets=[ast.Name(id=name)]) | ast.AugAssign(
                target=ast.Name(id=name)
            ):
                last = function.body[-1]
            case _:
                continue
        if any(
            isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) for node in ast.walk(function)
        ):
            continue
        lines = source.splitlines(keepends=True)
        lines.insert(last.end_lineno or last.lineno, f"{' ' * last.col_offset}return {name}\n")
        yield Repair(path, "".join(lines), f"{function.name} returns {name}, as its type says")
