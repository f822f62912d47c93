"""extract_constant in Python: a repeated literal becomes a constant of the module."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.refactorings.base import (
    DoesNotApply,
    Target,
    line_offsets,
    parsed,
    span,
)
from lemnos.runners.builtin.tree import Tree

_PLAIN = frozenset({0, 1, 2, -1, 10, 100, "", " ", ",", ".", "\n", "utf-8", "__main__"})
_MOST_WORDS = 4
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Literal = str | int | float | bytes


@dataclass(frozen=True, slots=True)
class _Use:
    """A literal in code, and the name of what it is given to or compared with."""

    node: ast.Constant
    hint: str


def extract_constant(tree: Tree, target: Target) -> Sequence[str]:
    """Every use of the literal in the module's functions gets the constant instead."""
    source = tree.read(target.path)
    module = parsed(source)
    uses = _uses(module)
    value = _wanted(uses, target)
    found = uses[value]
    known = _constant_of(module, value)
    name = known or _free(_name(target, value, found), module)
    text = source
    for use in sorted(
        found, key=lambda each: (each.node.lineno, each.node.col_offset), reverse=True
    ):
        start, end = span(use.node, text)
        text = text[:start] + name + text[end:]
    if not known:
        literal = ast.get_source_segment(source, found[0].node) or repr(value[1])
        text = _declared(text, f"{name} = {literal}\n")
    tree.write(target.path, text)
    return [f"{target.path}: {len(found)} uses of {value[1]!r} have become {name}"]


def _wanted(uses: dict[tuple[str, Literal], list[_Use]], target: Target) -> tuple[str, Literal]:
    """The literal that the analysis names, else the one that is repeated most on its lines."""
    said = target.data.get("value", target.data.get("literal"))
    named = [
        key for key in uses if said is not None and said in (key[1], repr(key[1]), str(key[1]))
    ]
    inside = [
        key
        for key, found in uses.items()
        if len(found) > 1
        and key[1] not in _PLAIN
        and any(target.start <= use.node.lineno <= target.end for use in found)
    ]
    best = named or sorted(inside, key=lambda key: -len(uses[key]) * len(str(key[1])))
    if not best:
        raise DoesNotApply("no literal here is used more than once")
    return best[0]


def _uses(module: ast.Module) -> dict[tuple[str, Literal], list[_Use]]:
    """Literals inside functions, by type and value: 1, 1.0 and True are three."""
    found = defaultdict[tuple[str, Literal], list[_Use]](list)
    functions = (
        n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    seen: set[int] = set()
    for function in functions:
        for statement in function.body:
            for use in _in(statement, ""):
                value = use.node.value
                if id(use.node) not in seen and isinstance(value, str | int | float | bytes):
                    seen.add(id(use.node))
                    if not isinstance(value, bool):
                        found[type(value).__name__, value].append(use)
    return found


def _in(node: ast.AST, hint: str) -> Iterator[_Use]:
    if isinstance(node, ast.Constant):
        if node.end_lineno == node.lineno:
            yield _Use(node, hint)
        return
    for child, named in _parts(node, hint):
        yield from _in(child, named)


def _parts(node: ast.AST, hint: str) -> Iterator[tuple[ast.AST, str]]:
    """Where literals may be replaced by a name, each with what its value is for."""
    match node:
        case ast.JoinedStr() | ast.pattern() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return  # no place for a name, or looked at by itself
        case ast.Expr(value=ast.Constant()):
            return  # a docstring
        case ast.AnnAssign(value=ast.expr() as value):
            yield value, _named(node.target)
        case ast.Assign():
            yield node.value, _named(node.targets[0])
            yield from ((target, "") for target in node.targets)
        case ast.keyword():
            yield node.value, node.arg or ""
        case ast.Compare():
            sides = [node.left, *node.comparators]
            compared = next(filter(None, map(_named, sides)), "")
            yield from ((side, compared) for side in sides)
        case ast.BinOp() | ast.UnaryOp():
            yield from ((child, hint) for child in ast.iter_child_nodes(node))
        case _:
            yield from ((child, "") for child in ast.iter_child_nodes(node))


def _named(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return _named(function)
    return ""


def _constant_of(module: ast.Module, value: tuple[str, Literal]) -> str:
    """A constant of the module that has this value already."""
    for node in module.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=found)):
                if name.isupper() and (type(found).__name__, found) == value:
                    return name
    return ""


def _name(target: Target, value: tuple[str, Literal], uses: Sequence[_Use]) -> str:
    """What the analysis suggests; the words of a text; what a number is given to."""
    if suggested := target.said("name", "suggested_name", "suggestion"):
        return _constant_case(suggested)
    if isinstance(value[1], str):
        words = re.findall(r"[A-Za-z0-9]+", value[1])[:_MOST_WORDS]
        if name := _constant_case("_".join(words)):
            return name
    hints = {use.hint for use in uses if len(use.hint) > 2}
    if len(hints) == 1:
        return _constant_case(hints.pop())
    raise DoesNotApply(f"nothing says what {value[1]!r} stands for")


def _constant_case(text: str) -> str:
    name = re.sub(r"\W+", "_", _CASE.sub("_", text)).strip("_").upper()
    return f"TEXT_{name}" if name[:1].isdigit() else name


def _free(name: str, module: ast.Module) -> str:
    """The name, or one with a number where the module has it for something else."""
    taken = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
    taken |= {a.asname or a.name for n in ast.walk(module)
              if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}  # fmt: skip
    candidates = [name, *(f"{name}_{number}" for number in range(2, 100))]
    return next(each for each in candidates if each not in taken)


def _declared(source: str, declaration: str) -> str:
    """The text with the constant below the imports, and below other constants there."""
    body = parsed(source).body
    last = 0
    for node in body:
        constant = isinstance(node, ast.Assign) and all(
            isinstance(each, ast.Name) and each.id.isupper() for each in node.targets
        )
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (constant or docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or node.lineno
    at = line_offsets(source)[last]
    before = "" if not last else "\n" if not _is_constant_line(body, last) else ""
    return source[:at] + before + declaration + ("" if last else "\n") + source[at:]


def _is_constant_line(body: Sequence[ast.stmt], line: int) -> bool:
    return any(isinstance(node, ast.Assign) and node.end_lineno == line for node in body)
