"""rename_variable and improve_naming: one name, everywhere, by Rope."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.dataflow import Names
from lemnos.runners.builtin.refactoring import rope_project, write_changes
from lemnos.runners.builtin.refactorings.base import (
    DoesNotApply,
    Target,
    line_offsets,
    parsed,
    place_of,
    span,
)
from lemnos.runners.builtin.tree import Tree

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_GETTERS = re.compile(r"^_?(?:get|load|read|fetch|find|make|create|build|parse|compute)_(\w{3,})$")


@dataclass(frozen=True, slots=True)
class _Naming:
    """A name at a place in the text, and the better one."""

    old: str
    new: str
    offset: int


def improve_name(tree: Tree, target: Target) -> Sequence[str]:
    """The name that the analysis suggests; else one that the code itself says."""
    naming = _suggested(tree, target) or _told_by_code(tree, target)
    if naming is None:
        raise DoesNotApply("nothing in the code says what it should be called")
    if keyword.iskeyword(naming.new) or not naming.new.isidentifier():
        raise DoesNotApply(f"{naming.new} is no name")
    from rope.base.exceptions import RopeError
    from rope.refactor.rename import Rename

    with rope_project(tree.root) as project:
        try:
            resource = project.get_resource(target.path)
            changes = Rename(project, resource, naming.offset).get_changes(naming.new)
        except (RopeError, SyntaxError, RecursionError, AttributeError, KeyError) as error:
            raise DoesNotApply(f"Rope cannot rename {naming.old}: {error}") from error
        changed = write_changes(tree, changes)
    if not naming.old.startswith("_"):
        _keep_alias(tree, target.path, naming)
    return [f"{path}: {naming.old} renamed to {naming.new}" for path in changed]


def _suggested(tree: Tree, target: Target) -> _Naming | None:
    """What the analysis says by name, where the name is on the target's lines."""
    old = target.said("name", "variable", "old_name") or target.symbol.rpartition(".")[2]
    new = target.said("suggested_name", "new_name", "suggestion")
    if not old or not new:
        return None
    source = tree.read(target.path)
    starts = line_offsets(source)
    region = source[starts[target.start - 1] : starts[min(target.end, len(starts) - 1)]]
    found = re.search(rf"\b{re.escape(old)}\b", region)
    if found is None:
        raise DoesNotApply(f"{old} is not at {target.path}:{target.start}")
    _demand_free(source, new)
    return _Naming(old, new, starts[target.start - 1] + found.start())


def _keep_alias(tree: Tree, path: str, naming: _Naming) -> None:
    """A public function or class stays callable by its old name: others may use it."""
    source = tree.read(path)
    module = parsed(source)
    owners: list[ast.Module | ast.ClassDef] = [module]
    owners += [node for node in module.body if isinstance(node, ast.ClassDef)]
    for owner in owners:
        for node in owner.body:
            defined = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if defined and getattr(node, "name", "") == naming.new:
                lines = source.splitlines(keepends=True)
                if not lines[-1].endswith("\n"):
                    lines[-1] += "\n"
                margin = " " * node.col_offset
                alias = f"{margin}{naming.old} = {naming.new}  # the name that callers know\n"
                blank = "\n" if margin else "\n\n"
                lines.insert(node.end_lineno or node.lineno, blank + alias)
                tree.write(path, "".join(lines))
                return


def _told_by_code(tree: Tree, target: Target) -> _Naming | None:
    """A local name of one or two letters that is given the result of `get_total()`, or is in the
    wrong case. Public names are left to whoever knows their callers."""
    place = place_of(tree, target)
    wanted = target.said("name", "variable", "old_name")
    for name, new, node in _local_names(place.function):
        if wanted and name.id != wanted:
            continue
        if new and new != name.id and new not in _all_names(place.source):
            return _Naming(name.id, new, span(node, place.source)[0])
    return None


def _local_names(function: ast.AST) -> Iterator[tuple[ast.Name, str, ast.expr]]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name() as name], value=value):
                yield name, _better(name.id, value), name
            case ast.For(target=ast.Name() as name, iter=source):
                yield name, _better_item(name.id, source), name


def _better(name: str, value: ast.expr) -> str:
    if _CAMEL.search(name):
        return _CAMEL.sub("_", name).lower()
    match value:
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if len(name) <= 2:
            found = _GETTERS.match(called)
            return found[1] if found else ""
    return ""


def _better_item(name: str, source: ast.expr) -> str:
    """`row` for what goes through `rows`."""
    if _CAMEL.search(name):
        return _CAMEL.sub("_", name).lower()
    match source:
        case ast.Name(id=many) | ast.Attribute(attr=many) if len(name) == 1:
            plural = many.endswith("s") and not many.endswith("ss") and len(many) > 3
            return many[:-1] if plural else ""
    return ""


def _all_names(source: str) -> set[str]:
    names = Names.of([parsed(source)])
    arguments = {n.arg for n in ast.walk(parsed(source)) if isinstance(n, ast.arg)}
    return names.read | names.bound | arguments | {*dir(__builtins__)}


def _demand_free(source: str, new: str) -> None:
    if new in _all_names(source):
        raise DoesNotApply(f"{new} is a name of something else already")
