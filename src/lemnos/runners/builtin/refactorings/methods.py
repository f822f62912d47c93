"""move_method: a method goes to the class of the attribute that it works on, by Rope."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence

from lemnos.runners.builtin.refactoring import rope_project, write_changes
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Target, parsed, span
from lemnos.runners.builtin.tree import Tree

_SHARE = 0.5  # of the uses of self that have to be of the one attribute


def move_method(tree: Tree, target: Target) -> Sequence[str]:
    """The method that is named, or on the lines, to the class of an attribute that it uses."""
    source = tree.read(target.path)
    found = _method(source, target)
    if found is None:
        raise DoesNotApply(f"there is no method at {target.path}:{target.start}")
    owner, method = found
    attribute = target.said("attribute", "destination_attribute") or _envied(method)
    if not attribute:
        raise DoesNotApply(
            f"{owner.name}.{method.name} works on no one attribute more than on self"
        )
    return [_moved(tree, target.path, owner, method, attribute)]


def _moved(
    tree: Tree, path: str, owner: ast.ClassDef, method: ast.FunctionDef, attribute: str
) -> str:
    """Rope leaves a method of the same name behind, which calls the one that was moved."""
    from rope.base.exceptions import RopeError
    from rope.refactor.move import MoveMethod

    source = tree.read(path)
    offset = source.index(method.name, span(method, source)[0] + len("def"))
    with rope_project(tree.root) as project:
        try:
            move = MoveMethod(project, project.get_resource(path), offset)
            written = write_changes(tree, move.get_changes(attribute, method.name))
        except (
            RopeError,
            SyntaxError,
            RecursionError,
            AttributeError,
            KeyError,
            TypeError,
        ) as error:
            name = f"{owner.name}.{method.name}"
            raise DoesNotApply(f"Rope cannot move {name} to self.{attribute}: {error}") from error
    _own(tree, written, method.name, attribute)
    where = ", ".join(written)
    return f"{where}: {owner.name}.{method.name} moved to the class of self.{attribute}"


def _own(tree: Tree, paths: Sequence[str], name: str, attribute: str) -> None:
    """In its new class the attribute is the method's own self, where Rope gives it the old one."""
    for path in paths:
        source = tree.read(path)
        for node in ast.walk(parsed(source)):
            if not isinstance(node, ast.FunctionDef) or node.name != name:
                continue
            if [argument.arg for argument in node.args.args[:2]] != ["self", "host"]:
                continue
            whole = ast.get_source_segment(source, node) or ""
            own = re.sub(rf"\bhost\.{attribute}\b", "self", whole)
            if len(re.findall(r"\bhost\b", own)) > 1:
                continue  # it still needs the object that it came from
            text = source.replace(whole, re.sub(r"\bself, host\b", "self", own, count=1))
            tree.write(path, text)
            for caller in paths:
                call = rf"(\.{attribute}\.{name}\()self(?:, )?"
                tree.write(caller, re.sub(call, r"\1", tree.read(caller)))
            return


def _envied(method: ast.FunctionDef) -> str:
    """The attribute of self that a method uses more than all the rest of self."""
    if method.name.startswith("__") or method.decorator_list or not method.args.args:
        return ""
    if len(method.body) == 1 and isinstance(method.body[0], ast.Return):
        return ""  # it does nothing but pass on
    me = method.args.args[0].arg
    uses, stored = Counter[str](), set[str]()
    for node in ast.walk(method):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name == me:
                uses[attribute] += 1
                if not isinstance(node.ctx, ast.Load):
                    stored.add(attribute)
    deeper = {
        node.value.attr
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute)
    }
    best = [name for name, _ in uses.most_common(1) if name in deeper and not stored]
    share = uses[best[0]] / uses.total() if best else 0.0
    return best[0] if best and share > _SHARE and uses[best[0]] > 1 else ""


def _method(source: str, target: Target) -> tuple[ast.ClassDef, ast.FunctionDef] | None:
    wanted = target.symbol.rpartition(".")[2]
    found = [
        (owner, node)
        for owner in ast.walk(parsed(source))
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and node.name == wanted
    ]
    around = (
        (owner, node)
        for owner, node in found
        if target.start <= (node.end_lineno or 0) and node.lineno <= target.end
    )
    return next(around, None)
