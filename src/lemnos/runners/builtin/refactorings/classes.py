"""split_class: methods that share nothing with the rest become a class of their own.

The class inherits from it, so whoever uses the class finds everything where it was.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence

from lemnos.runners.builtin.dataflow import Function
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Target, first_line, parsed
from lemnos.runners.builtin.tree import Tree

_LEAST = 3  # methods that make a class of their own


def split_class(tree: Tree, target: Target) -> Sequence[str]:
    """Each group of methods that the analysis found, but the first, which stays."""
    groups = target.data.get("groups")
    if not isinstance(groups, list) or len(groups) < 2:
        raise DoesNotApply("the analysis found no groups of methods that share nothing")
    done = list[str]()
    for group in groups[1:]:
        said = _taken_out(tree, target, group)
        if said:
            done.append(said)
    if not done:
        raise DoesNotApply(f"no group of methods of {target.symbol} can be moved for certain")
    return done


def _taken_out(tree: Tree, target: Target, group: Mapping[str, object]) -> str:
    source = tree.read(target.path)
    owner = _class(source, target)
    names = group.get("methods")
    wanted = {str(name) for name in names} if isinstance(names, list) else set()
    methods = [n for n in owner.body if isinstance(n, Function) and n.name in wanted]
    rest = [node for node in owner.body if node not in methods]
    if len(methods) < _LEAST or not all(map(_movable, methods)) or _uses(rest) & _stored(methods):
        return ""
    name = _name(owner, methods, source)
    lines = source.splitlines(keepends=True)
    moved = list[str]()
    for method in reversed(methods):
        part = slice(_above(lines, first_line(method)) - 1, method.end_lineno)
        moved.insert(0, "".join(lines[part]).rstrip("\n") + "\n")
        del lines[part]
    body = "\n".join(moved)
    words = owner.name
    head = f'class {name}:\n    """What {words} does with {_subject(methods)}."""\n\n{body}\n\n'
    at = min([owner.lineno, *(node.lineno for node in owner.decorator_list)]) - 1
    text = "".join([*lines[:at], head, *lines[at:]])
    tree.write(target.path, _inheriting(text, owner.name, name))
    return f"{target.path}: {len(methods)} methods of {owner.name} moved to its base {name}"


def _inheriting(source: str, owner: str, base: str) -> str:
    """The text with the base as the first of the class's own ones."""
    node = next(
        n for n in ast.walk(parsed(source)) if isinstance(n, ast.ClassDef) and n.name == owner
    )
    lines = source.splitlines(keepends=True)
    line = lines[node.lineno - 1]
    name = f"class {owner}"
    at = line.index(name) + len(name)
    if node.bases or node.keywords:
        changed = f"{line[:at]}({base}, {line[at:].lstrip().removeprefix('(')}"
    else:
        changed = f"{line[:at]}({base}){line[at:].removeprefix('()')}"
    lines[node.lineno - 1] = changed
    text = "".join(lines)
    parsed(text)
    return text


def _class(source: str, target: Target) -> ast.ClassDef:
    name = target.said("class") or target.symbol
    found = [n for n in parsed(source).body if isinstance(n, ast.ClassDef) and n.name == name]
    if not found:
        raise DoesNotApply(f"there is no class {name} at the top of {target.path}")
    if any(isinstance(n, ast.Assign) and "__slots__" in ast.unparse(n) for n in found[0].body):
        raise DoesNotApply(f"{name} has __slots__, which a base would take away")
    return found[0]


def _movable(method: Function) -> bool:
    """It means the same in a base: no super(), no names mangled with the class's own."""
    if method.decorator_list or method.name.startswith("__"):
        return False
    for node in ast.walk(method):
        match node:
            case ast.Name(id="super" | "__class__"):
                return False
            case ast.Attribute(attr=name) if name.startswith("__") and not name.endswith("__"):
                return False
    return True


def _uses(nodes: Sequence[ast.stmt]) -> set[str]:
    return {n.attr for node in nodes for n in ast.walk(node) if isinstance(n, ast.Attribute)
            if isinstance(n.value, ast.Name) and n.value.id == "self"
            and not (isinstance(node, Function) and node.name == "__init__")}  # fmt: skip


def _stored(methods: Sequence[Function]) -> set[str]:
    return {n.attr for method in methods for n in ast.walk(method)
            if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)}  # fmt: skip


def _subject(methods: Sequence[Function]) -> str:
    """What the methods are mostly about: the attribute of self that they use most."""
    counted = Counter(
        node.attr
        for method in methods
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    )
    return counted.most_common(1)[0][0].strip("_") if counted else methods[0].name


def _name(owner: ast.ClassDef, methods: Sequence[Function], source: str) -> str:
    subject = "".join(word.capitalize() for word in _subject(methods).split("_"))
    name = f"_{owner.name}{subject}"
    if name in source:
        raise DoesNotApply(f"{name} is a name of something else already")
    return name


def _above(lines: Sequence[str], line: int) -> int:
    """The first of the comment lines right above."""
    while line > 1 and lines[line - 2].strip().startswith("#"):
        line -= 1
    return line
