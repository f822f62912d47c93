"""extract_variable: a long condition, or an expression that is repeated, gets a name."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence

from lemnos.runners.builtin.dataflow import Function, Names
from lemnos.runners.builtin.refactoring import rope_project
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Place, Target, place_of, span
from lemnos.runners.builtin.tree import Tree

_MANY = 4  # operands that make a condition long
_OFTEN = 3  # uses that make an expression repeated


def extract_variable(tree: Tree, target: Target) -> Sequence[str]:
    """The expression that the analysis names; else long conditions, else what is repeated."""
    place = place_of(tree, target)
    for expression, name in _candidates(place, target):
        text = _extracted(tree, target.path, place.source, expression, name)
        if text is not None:
            tree.write(target.path, text)
            said = ast.get_source_segment(place.source, expression) or ""
            return [f"{target.path}: {' '.join(said.split())[:80]} has become {name}"]
    raise DoesNotApply(f"no expression of {place.name} can be given a telling name for certain")


def _candidates(place: Place, target: Target) -> Iterator[tuple[ast.expr, str]]:
    taken = Names.of(place.function.body)
    used = taken.read | taken.bound
    wanted = " ".join(target.said("expression").split())
    if wanted:
        for node in ast.walk(place.function):
            said = isinstance(node, ast.expr) and ast.get_source_segment(place.source, node)
            name = target.said("name", "suggested_name") or _name_of_repeated(node)
            if isinstance(node, ast.expr) and said and " ".join(said.split()) == wanted and name:
                yield node, _free(name, used)
                break
    for condition, name in _long_conditions(place.function):
        if target.start <= condition.lineno <= target.end:
            yield condition, _free(name, used)
    for repeated in _repeated(place.function):
        yield repeated, _free(_name_of_repeated(repeated), used)


def _long_conditions(function: Function) -> Iterator[tuple[ast.expr, str]]:
    """Tests of `if` statements, named after what they decide; not of an `elif`, whose value
    would be worked out too early."""
    branches = {
        id(node.orelse[0])
        for node in ast.walk(function)
        if isinstance(node, ast.If) and len(node.orelse) == 1
    }
    for node in ast.walk(function):
        if not isinstance(node, ast.If) or id(node) in branches:
            continue
        name = _name_by_effect(node.body[-1])
        if name and _operands(node.test) >= _MANY:
            yield node.test, name


def _operands(test: ast.expr) -> int:
    return sum(len(n.values) - 1 for n in ast.walk(test) if isinstance(n, ast.BoolOp)) + 1


def _name_by_effect(statement: ast.stmt) -> str:
    match statement:
        case ast.Raise():
            return "is_invalid"
        case ast.Continue():
            return "is_skipped"
        case ast.Break():
            return "is_done"
        case ast.Return(value=None | ast.Constant(value=None)):
            return "has_nothing_to_do"
    return ""


def _repeated(function: Function) -> list[ast.expr]:
    """Chains of attributes that are read often and that nothing in the function stores to."""
    stored = {n.attr for n in ast.walk(function)
              if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)}  # fmt: skip
    bound = Names.of(function.body).bound
    called = {id(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)}
    chains = dict[str, ast.expr]()
    counts = Counter[str]()
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and id(node) not in called:
            parts = ast.unparse(node).split(".")
            plain = all(part.isidentifier() for part in parts) and len(parts) > 2
            if plain and parts[0] not in bound and not stored & set(parts):
                counts[ast.unparse(node)] += 1
                chains.setdefault(ast.unparse(node), node)
    often = [text for text, count in counts.most_common() if count >= _OFTEN]
    return [chains[text] for text in sorted(often, key=len, reverse=True)]


def _name_of_repeated(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key.isidentifier():
            return key
    return ""


def _free(name: str, taken: set[str]) -> str:
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 99))) if n not in taken)


def _extracted(tree: Tree, path: str, source: str, node: ast.expr, name: str) -> str | None:
    from rope.base.exceptions import RopeError
    from rope.refactor.extract import ExtractVariable

    start, end = span(node, source)
    with rope_project(tree.root) as project:
        try:
            extraction = ExtractVariable(project, project.get_resource(path), start, end)
            changes = extraction.get_changes(name, similar=True)
            text: str = changes.changes[0].new_contents
            ast.parse(text)
        except (RopeError, SyntaxError, RecursionError, AttributeError, KeyError):
            return None
    return text
