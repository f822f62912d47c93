"""Take a piece of a function out into a helper: by Rope, or, at its end, by moving the lines."""

from __future__ import annotations

import ast

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.dataflow import Function
from lemnos.runners.builtin.pieces import Piece
from lemnos.runners.builtin.refactoring import rope_project
from lemnos.runners.builtin.tree import Tree

LOST_NAMES = "F821,F823,F841"  # undefined, local before assignment, never used


def loses_names(tree: Tree, path: str, source: str, changed: str) -> bool:
    """Whether the change leaves more names undefined or unused than there were."""
    before, after = (
        len(ruff.check_text(tree.root, path, text, LOST_NAMES)) for text in (source, changed)
    )
    return after > before


def extracted(tree: Tree, path: str, source: str, piece: Piece) -> str | None:
    """The file's text with the piece in a helper; None where that cannot be done."""
    text = _moved(source, piece) if piece.tail else _by_rope(tree, path, source, piece)
    return None if text is None else _spaced(_with_docstring(text, source, piece), piece.name)


def _spaced(text: str, name: str) -> str:
    """The text with as many blank lines around the helper as PEP 8 asks for."""
    helper = next(
        node for node in ast.walk(ast.parse(text))
        if isinstance(node, Function) and node.name == name
    )  # fmt: skip
    lines = text.splitlines(keepends=True)
    blank = ["\n"] * (1 if helper.col_offset else 2)
    first = min([helper.lineno, *(node.lineno for node in helper.decorator_list)]) - 1
    last = helper.end_lineno or helper.lineno
    above, below = lines[:first], lines[last:]
    while above and not above[-1].strip():
        above.pop()
    while below and not below[0].strip():
        below.pop(0)
    owner_begins = bool(above) and above[-1].rstrip().endswith(":")
    return "".join(
        [
            *above,
            *([] if owner_begins else blank),
            *lines[first:last],
            *(blank if below else []),
            *below,
        ]
    )


def _by_rope(tree: Tree, path: str, source: str, piece: Piece) -> str | None:
    from rope.base.exceptions import RopeError
    from rope.refactor.extract import ExtractMethod

    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    with rope_project(tree.root) as project:
        try:
            extraction = ExtractMethod(
                project, project.get_resource(path), starts[piece.first - 1], starts[piece.last] - 1
            )
            changes = extraction.get_changes(piece.name)
            text: str = changes.changes[0].new_contents
            ast.parse(text)
        except (RopeError, SyntaxError, RecursionError, AttributeError, KeyError):
            return None  # the last two: Rope's way of meeting syntax newer than itself
    return text


def _moved(source: str, piece: Piece) -> str | None:
    """The end of a function's body becomes the body of a helper right after it.

    The lines keep their indentation: a method's helper is a method, a function's a function.
    """
    lines = source.splitlines(keepends=True)
    function = _function_ending_at(source, piece)
    if function is None:
        return None
    body = lines[piece.first - 1 : piece.last]
    if not body[-1].endswith("\n"):
        body[-1] += "\n"
    margin, inner = " " * function.col_offset, " " * function.body[0].col_offset
    names = [name for name in piece.inputs if name != "self"]
    method = "self" in piece.inputs
    parameters = ", ".join([*(["self"] if method else []), *names])
    call = f"{'self.' if method else ''}{piece.name}({', '.join(names)})"
    helper = [f"{margin}def {piece.name}({parameters}):\n", *body]
    blank = ["\n"] if function.col_offset else ["\n", "\n"]
    text = "".join(
        [
            *lines[: piece.first - 1],
            f"{inner}return {call}\n",
            *blank,
            *helper,
            *lines[piece.last :],
        ]
    )
    try:
        ast.parse(text)
    except SyntaxError:
        return None
    return text


def _function_ending_at(source: str, piece: Piece) -> Function | None:
    found = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, Function)
        and node.end_lineno == piece.last
        and any(statement.lineno == piece.first for statement in node.body)
    ]
    return found[0] if found else None


def _with_docstring(text: str, source: str, piece: Piece) -> str:
    """The comment above the piece becomes the helper's docstring."""
    if not piece.docstring:
        return text
    lines = text.splitlines(keepends=True)
    helper = next(
        node for node in ast.walk(ast.parse(text))
        if isinstance(node, Function) and node.name == piece.name
    )  # fmt: skip
    first = helper.body[0]
    docstring = piece.docstring.replace("\\", "").replace('"""', "'''")
    lines.insert(first.lineno - 1, " " * first.col_offset + f'"""{docstring}"""\n')
    above = slice(piece.first - 1 - piece.comment_lines, piece.first - 1)
    if helper.lineno > piece.first and lines[above] == source.splitlines(keepends=True)[above]:
        del lines[above]
    return "".join(lines)
