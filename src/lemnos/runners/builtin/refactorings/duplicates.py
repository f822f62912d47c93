"""remove_duplication: two blocks that are equal up to local names become calls of one function.

The first block is taken out by Rope; the statement that Rope leaves in its place says what goes in
and out, and takes the second block's place with the second block's names.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.dataflow import Function, Names, arguments_of, exposed, movable
from lemnos.runners.builtin.extraction import loses_names
from lemnos.runners.builtin.pieces import functions_of
from lemnos.runners.builtin.refactoring import rope_project
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Target, line_offsets, parsed
from lemnos.runners.builtin.tree import Tree

_LEAST = 3  # statements or lines that are worth a function


@dataclass(frozen=True, slots=True)
class _Block:
    """Statements next to each other in a function."""

    path: str
    source: str
    function: Function
    statements: tuple[ast.stmt, ...]

    @property
    def first(self) -> int:
        return self.statements[0].lineno

    @property
    def last(self) -> int:
        return self.statements[-1].end_lineno or self.statements[-1].lineno


def remove_duplication(tree: Tree, target: Target) -> Sequence[str]:
    """Find the largest equal blocks of the two places, and put them into one function."""
    other, start, end = _other_place(target)
    pairs = [
        (one, two, names)
        for one in _blocks(tree, target.path, target.start, target.end)
        for two in _blocks(tree, other, start, end)
        if (names := _renamed(one, two)) is not None
    ]
    for one, two, names in sorted(pairs, key=lambda pair: pair[0].first - pair[0].last):
        done = _merged(tree, one, two, names)
        if done:
            return [done]
        tree.roll_back()
    raise DoesNotApply("the two places are not equal up to the names of local variables")


def _other_place(target: Target) -> tuple[str, int, int]:
    data: Mapping[str, object] = target.data
    nested = data.get("other") or data.get("copy")
    if isinstance(nested, Mapping):
        data = {f"other_{key}": value for key, value in nested.items()}
    path = data.get("other_path") or data.get("other_file") or target.path
    try:
        return str(path), int(str(data["other_start"])), int(str(data["other_end"]))
    except (KeyError, ValueError) as error:
        raise DoesNotApply("the analysis does not say where the other copy is") from error


def _blocks(tree: Tree, path: str, start: int, end: int) -> list[_Block]:
    """Runs of statements within the lines, all of one body."""
    source = tree.read(path)
    found = []
    for _, function in functions_of(parsed(source)):
        for body in _bodies(function):
            inside = [s for s in body if start <= s.lineno and (s.end_lineno or 0) <= end]
            for first in range(len(inside)):
                for last in range(first, len(inside)):
                    run = tuple(inside[first : last + 1])
                    size = (run[-1].end_lineno or 0) - run[0].lineno + 1
                    if size >= _LEAST and _can_move(function, run):
                        found.append(_Block(path, source, function, run))
    return found


def _bodies(function: Function) -> list[Sequence[ast.stmt]]:
    return [
        value
        for node in ast.walk(function)
        for _, value in ast.iter_fields(node)
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt)
    ]


def _can_move(function: Function, run: Sequence[ast.stmt]) -> bool:
    first = run[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return not documented and movable(run, at_end=run[-1] is function.body[-1])


# --- equal up to names ----------------------------------------------------------------------------


def _renamed(one: _Block, two: _Block) -> dict[str, str] | None:
    """Which local name of the second block stands for which of the first; None if they differ."""
    same = one.path == two.path and one.first <= two.last and two.first <= one.last
    if same or len(one.statements) != len(two.statements):
        return None
    locals_ = [_locals(block.function) for block in (one, two)]
    names = dict[str, str]()
    pairs = zip(one.statements, two.statements, strict=True)
    if not all(_alike(a, b, names, locals_[0], locals_[1]) for a, b in pairs):
        return None
    return names if len(set(names.values())) == len(names) else None


def _locals(function: Function) -> set[str]:
    return arguments_of(function) | Names.of(function.body).bound


def _alike(a: object, b: object, names: dict[str, str], one: set[str], two: set[str]) -> bool:
    if isinstance(a, ast.Name) and isinstance(b, ast.Name):
        if type(a.ctx) is not type(b.ctx) or (a.id in one) != (b.id in two):
            return False
        return names.setdefault(a.id, b.id) == b.id if a.id in one else a.id == b.id
    if isinstance(a, ast.AST) and isinstance(b, ast.AST):
        fields = [field for field in a._fields if field not in ("ctx", "type_comment", "kind")]
        return type(a) is type(b) and all(
            _alike(getattr(a, field, None), getattr(b, field, None), names, one, two)
            for field in fields
        )
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(
            _alike(x, y, names, one, two) for x, y in zip(a, b, strict=True)
        )
    return type(a) is type(b) and a == b


# --- one function for both ------------------------------------------------------------------------


def _merged(tree: Tree, one: _Block, two: _Block, names: Mapping[str, str]) -> str:
    """What was done; empty where it cannot be."""
    helper = _free_name(one, two)
    text = _extracted(tree, one, helper)
    if text is None:
        return ""
    call = _call_of(text, helper)
    if call is None or not _suffices(call, two, names):
        return ""
    there = text if one.path == two.path else two.source
    shift = _lines_before(one, two, text)
    replaced = _replaced(there, two, shift, _renamed_call(call, names))
    if one.path != two.path:
        imported = _import_of(tree, one.path, two.path, helper)
        if not imported:
            return ""
        replaced = _with_import(replaced, imported)
        tree.write(one.path, text)
    if loses_names(tree, two.path, there, replaced):
        return ""
    tree.write(two.path, replaced)
    places = f"{one.path}:{one.first} and {two.path}:{two.first}"
    return f"{places}: {one.last - one.first + 1} equal lines have become {helper}()"


def _extracted(tree: Tree, block: _Block, name: str) -> str | None:
    from rope.base.exceptions import RopeError
    from rope.refactor.extract import ExtractMethod

    starts = line_offsets(block.source)
    with rope_project(tree.root) as project:
        try:
            resource = project.get_resource(block.path)
            start, end = starts[block.first - 1], starts[block.last] - 1
            changes = ExtractMethod(project, resource, start, end).get_changes(name, global_=True)
            text: str = changes.changes[0].new_contents
            ast.parse(text)
        except (RopeError, SyntaxError, RecursionError, AttributeError, KeyError):
            return None
    return text


def _free_name(one: _Block, two: _Block) -> str:
    shared = [one.function.name.strip("_"), two.function.name.strip("_")]
    words = [word for word in shared[0].split("_") if word in shared[1].split("_")]
    stem = "_".join(words) or shared[0]
    names = (f"_{stem}_{end}" for end in ("shared", *(f"shared_{n}" for n in range(2, 99))))
    return next(name for name in names if name not in one.source + two.source)


def _call_of(text: str, helper: str) -> ast.stmt | None:
    """The statement that stands where the first block was."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign | ast.Expr | ast.Return):
            match node.value:
                case ast.Call(func=ast.Name(id=name)) if name == helper:
                    return node
    return None


def _suffices(call: ast.stmt, two: _Block, names: Mapping[str, str]) -> bool:
    """Whether what the helper gives back is all that the second place needs of its block."""
    if isinstance(call, ast.Return):
        return two.statements[-1] is two.function.body[-1]
    given = {names.get(name, name) for name in Names.of([call]).bound}
    bound = Names.of(two.statements).bound
    following = [s for s in _after(two) if isinstance(s, ast.stmt)]
    around = any(isinstance(n, ast.For | ast.While) and n.lineno < two.first and
                 (n.end_lineno or 0) >= two.last for n in ast.walk(two.function))  # fmt: skip
    needed = Names.of(following).read if around else exposed(following)
    return bound & needed <= given


def _after(block: _Block) -> list[ast.AST]:
    """All statements of the function outside of the block that may run after it."""
    loops = [n for n in ast.walk(block.function) if isinstance(n, ast.For | ast.While)]
    ring = next(
        (n for n in loops if n.lineno < block.first and (n.end_lineno or 0) >= block.last), None
    )
    return [
        node
        for node in ast.walk(block.function)
        if isinstance(node, ast.stmt)
        and (
            node.lineno > block.last
            or (ring is not None and ring.lineno <= node.lineno < block.first)
        )
    ]


def _renamed_call(call: ast.stmt, names: Mapping[str, str]) -> str:
    class Renamer(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(names.get(node.id, node.id), node.ctx)

    return ast.unparse(Renamer().visit(call))


def _lines_before(one: _Block, two: _Block, text: str) -> int:
    """How far the second block has moved, in the same file, by the first one's extraction."""
    if one.path != two.path:
        return 0
    name = two.function.name
    before = [f for f in ast.walk(parsed(two.source)) if isinstance(f, Function) and f.name == name]
    after = [f for f in ast.walk(parsed(text)) if isinstance(f, Function) and f.name == name]
    place = [f.lineno for f in before].index(two.function.lineno)
    moved = after[place].lineno - before[place].lineno
    inside = one.function.lineno == two.function.lineno and one.last < two.first
    return moved - (one.last - one.first) if inside else moved


def _replaced(text: str, block: _Block, shift: int, call: str) -> str:
    lines = text.splitlines(keepends=True)
    margin = " " * block.statements[0].col_offset
    lines[block.first - 1 + shift : block.last + shift] = [f"{margin}{call}\n"]
    changed = "".join(lines)
    parsed(changed)
    return changed


# --- two files ------------------------------------------------------------------------------------


def _import_of(tree: Tree, home: str, user: str, name: str) -> str:
    """The import of the helper; empty where the modules would come to import each other."""
    module = _module(home)
    imported = {
        each for node in ast.walk(parsed(tree.read(home))) for each in _imports(node, _module(home))
    }
    if _module(user) in imported:
        return ""
    same_package = home.rpartition("/")[0] == user.rpartition("/")[0]
    packaged = (tree.root / home).with_name("__init__.py").exists()
    if same_package and packaged:
        return f"from .{module.rpartition('.')[2]} import {name}\n"
    return f"from {module} import {name}\n"


def _module(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(node: ast.AST, within: str) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            package = within.split(".")[:-level] if level else []
            base = ".".join([*package, *([module] if module else [])])
            return [base, *(f"{base}.{alias.name}" for alias in names)]
    return []


def _with_import(source: str, line: str) -> str:
    """The text with the import below the others."""
    last = 0
    for node in parsed(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (docstring or isinstance(node, ast.Import | ast.ImportFrom)):
            break
        last = node.end_lineno or node.lineno
    at = line_offsets(source)[last]
    return source[:at] + line + source[at:]
