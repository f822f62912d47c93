"""Choose the piece of a long function that makes the best helper, and name it."""

from __future__ import annotations

import ast
import copy
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.dataflow import (
    Function,
    Loop,
    Names,
    arguments_of,
    complexity,
    exposed,
    loop_variables,
    movable,
    surely_bound,
)

MAX_INPUTS = 5
MAX_OUTPUTS = 2
MIN_LINES = 3
MAX_SHARE = 0.75  # of the function's lines; more would only move the problem
FILLERS = frozenset({"the", "a", "an", "all", "each", "every", "now", "then", "finally", "first"})
CLAUSE_STARTS = frozenset(
    {"so", "because", "which", "if", "when", "unless", "as", "since", "where"}
)
MAX_WORDS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes a function too long: its lines without docstring, or its complexity."""

    lines: int = 40
    complexity: int = 12

    def exceeded_by(self, function: Function) -> bool:
        return length(function) > self.lines or complexity(function) > self.complexity


@dataclass(frozen=True, slots=True)
class Piece:
    """Statements of a function, on whole lines, that can become a helper.

    A `tail` is the end of the function's own body, and may return from anywhere in it; `inputs`
    are the local names that it reads.
    """

    first: int
    last: int
    name: str
    docstring: str
    comment_lines: int  # lines of comment right above, which the docstring takes the place of
    score: float
    complexity: int = 0
    tail: bool = False
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Block:
    """Sibling statements.

    `after` is what runs next once they are through. `rings` are the loops and the try statements
    around them, other parts of which may run after them in whatever order. `tail`: they end the
    function. `given` are names that surely have a value when they begin.
    """

    statements: Sequence[ast.stmt]
    after: Sequence[ast.stmt] = ()
    rings: tuple[ast.stmt, ...] = ()
    tail: bool = False
    given: frozenset[str] = frozenset()


def length(function: Function) -> int:
    """Lines of the body, without the docstring."""
    body = _without_docstring(function.body)
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def functions_of(module: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions and methods with their dotted names; not those inside functions."""
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in module.body]
    while waiting:
        prefix, node = waiting.pop(0)
        if isinstance(node, Function):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            waiting += [(f"{prefix}{node.name}.", inner) for inner in node.body]


def pieces_of(
    function: Function, source: str, limits: Limits, *, unnamed: bool = False
) -> list[Piece]:
    """What could be taken out, the best first.

    With `unnamed` also that for which nothing in the source gives a name: it gets one of the
    function and of what the piece is mostly about.
    """
    lines = source.splitlines()
    whole = length(function)
    found = []
    for block in _blocks(function):
        statements = block.statements
        for first in range(len(statements)):
            for last in range(first, len(statements)):
                piece = statements[first : last + 1]
                size = _last_line(piece) - piece[0].lineno + 1
                if size > whole * MAX_SHARE:
                    break
                if size >= MIN_LINES:
                    found.append(_judged(function, block, first, last, lines, limits, unnamed))
    return sorted((p for p in found if p), key=lambda piece: -piece.score)


def _judged(
    function: Function,
    block: _Block,
    first: int,
    last: int,
    lines: list[str],
    limits: Limits,
    unnamed: bool,
) -> Piece | None:
    piece = block.statements[first : last + 1]
    if not movable(piece, at_end=block.tail and last == len(block.statements) - 1):
        return None
    inputs, outputs = _flow(function, block, first, last)
    if len(inputs) > MAX_INPUTS or len(outputs) > MAX_OUTPUTS:
        return None
    if not outputs <= surely_bound(piece) | inputs:
        return None
    if not inputs <= block.given | surely_bound(block.statements[:first]):
        return None  # to hand over a name that has no value is an error where it was none
    comment = _comment_above(piece[0].lineno, lines)
    name = _name_from(" ".join(comment)) if comment else _name_from_result(piece, outputs)
    if any(_comment_above(s.lineno, lines) for s in piece[1:]) and not unnamed:
        return None  # more than one thing says what it is for
    name = name or (_name_from_subject(function, piece) if unnamed else "")
    if not name:
        return None
    taken = re.compile(rf"\b{name}\b")
    if any(taken.search(line) for line in lines):
        return None
    size = _last_line(piece) - piece[0].lineno + 1
    score = min(size, limits.lines) + complexity(ast.Module(list(piece), []))
    score -= 2 * len(inputs) + 2 * len(outputs) + 2 * max(0, size - limits.lines)
    score += (10 if comment else 0) + (3 if _starts_paragraph(piece[0].lineno, lines) else 0)
    score += 4 if _ends_paragraph(_last_line(piece), lines) else 0
    text = " ".join(comment).rstrip(".: ")
    docstring = text[:1].upper() + text[1:] + "." if text else ""
    return Piece(
        piece[0].lineno,
        _last_line(piece),
        name,
        docstring,
        len(comment),
        score,
        complexity(ast.Module(list(piece), [])),
    )


def tails_of(function: Function, source: str) -> list[Piece]:
    """Ends of the function's body that could be moved into a helper as they are."""
    if isinstance(function, ast.AsyncFunctionDef) or any(
        isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function)
    ):
        return []
    body, lines, found = _without_docstring(function.body), source.splitlines(), []
    block = _Block(body, tail=True)
    for first in range(1, len(body)):
        piece = body[first:]
        if not movable([_without_returns(statement) for statement in piece], at_end=False):
            continue
        inputs, _ = _flow(function, block, first, len(body) - 1)
        before = arguments_of(function) | surely_bound(body[:first])
        name = _name_from_subject(function, piece)
        taken = re.search(rf"\b{name}\b", source) if name else True
        if taken or not inputs <= before or len(inputs) > MAX_INPUTS:
            continue
        comment = _comment_above(piece[0].lineno, lines)
        within = complexity(ast.Module(list(piece), []))
        given = tuple(sorted(inputs, key=lambda each: (each != "self", each)))
        last = _last_line(piece)
        found.append(
            Piece(piece[0].lineno, last, name, "", len(comment), within, within, True, given)
        )
    return found


def _without_returns(statement: ast.stmt) -> ast.stmt:
    """The statement with `return x` as `x`: at the end of a function they mean the same."""
    return _ReturnsGone().visit(copy.deepcopy(statement))  # type: ignore[no-any-return]


class _ReturnsGone(ast.NodeTransformer):
    def visit_Return(self, node: ast.Return) -> ast.stmt:
        return ast.copy_location(ast.Expr(node.value or ast.Constant(None)), node)


def _flow(function: Function, block: _Block, first: int, last: int) -> tuple[set[str], set[str]]:
    """Local names that go into the piece, and those that must come out of it."""
    piece = block.statements[first : last + 1]
    start, end = piece[0].lineno, _last_line(piece)
    every = [n for n in ast.walk(function) if isinstance(n, ast.stmt) and n is not function]
    before = [node for node in every if (node.end_lineno or node.lineno) < start]
    around = [node for node in every if node.lineno < start and (node.end_lineno or 0) > end]
    outside = [node for node in every if node.lineno > end or node in before]
    again = [n for n in outside if any(_within(n, ring) for ring in block.rings)]
    headers = list(_headers(around))
    names = Names.of(piece)
    known = arguments_of(function) | Names.of([*before, *headers, *again]).bound
    inputs = names.read & known
    needed = exposed([*block.statements[last + 1 :], *block.after])
    if block.rings:  # in a loop, one round's value may be the next one's
        needed |= inputs | Names.of([*again, *headers]).read
        needed |= names.read - known - surely_bound(piece) - loop_variables(piece)
    return inputs, names.bound & needed


def _within(node: ast.stmt, ring: ast.stmt) -> bool:
    return ring.lineno <= node.lineno <= (ring.end_lineno or ring.lineno)


def _headers(statements: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """The parts of compound statements that run before their bodies."""
    for statement in statements:
        for name, value in ast.iter_fields(statement):
            if name in ("target", "items", "test", "iter"):
                yield from value if isinstance(value, list) else [value]


def _blocks(function: Function) -> Iterator[_Block]:
    given = frozenset(arguments_of(function))
    yield from _inner_blocks(_Block(_without_docstring(function.body), tail=True, given=given))


def _inner_blocks(block: _Block) -> Iterator[_Block]:
    yield block
    for place, statement in enumerate(block.statements):
        if isinstance(statement, Function | ast.ClassDef):
            continue
        is_ring = isinstance(statement, Loop | ast.Try)
        rings = (*block.rings, statement) if is_ring else block.rings
        after = [*block.statements[place + 1 :], *block.after]
        bound = surely_bound(block.statements[:place]) | Names.of(_headers([statement])).bound
        for body, more in _bodies(statement):
            given = block.given | bound | more
            yield from _inner_blocks(_Block(body, after, rings, given=given))


def _bodies(statement: ast.stmt) -> Iterator[tuple[Sequence[ast.stmt], set[str]]]:
    """The blocks of a compound statement, each with the name that only it is given."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value:
            if isinstance(value[0], ast.stmt):
                yield value, set()
            elif isinstance(value[0], ast.ExceptHandler):
                yield from ((each.body, {each.name} if each.name else set()) for each in value)


def _without_docstring(body: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    match body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest]:
            return rest
    return body


def _last_line(piece: Sequence[ast.stmt]) -> int:
    return piece[-1].end_lineno or piece[-1].lineno


# --- names ------------------------------------------------------------------------------------


def _comment_above(line: int, lines: list[str]) -> list[str]:
    """The comment lines right above a line of code, without their hashes."""
    comment: list[str] = []
    for text in reversed(lines[: line - 1]):
        stripped = text.strip()
        if not stripped.startswith("#"):
            break
        comment.insert(0, stripped.lstrip("#").strip())
    return comment if any(comment) else []


def _name_from(comment: str) -> str:
    """`Apply the volume discount, if any` → `_apply_volume_discount`."""
    clause = re.split(
        r"[.:;,()–—]| - ",
        re.sub(r"^(?:step )?\d+[.:)]\s*", "", comment.strip(), flags=re.IGNORECASE),
    )[0]
    words: list[str] = []
    for word in re.findall(r"[a-z][a-z0-9_]*", clause.lower().replace("'s", "")):
        if word in CLAUSE_STARTS and words:
            break
        if word not in FILLERS:
            words.append(word)
    if not words or len(words) > MAX_WORDS + 2:
        return ""
    return _identifier(words[:MAX_WORDS])


def _name_from_result(piece: Sequence[ast.stmt], outputs: set[str]) -> str:
    """`_compute_total` for what works out `total`, `_collect_rows` for what fills `rows`."""
    results = sorted(outputs)
    if not results:
        return ""
    starts = [s.value for s in piece if isinstance(s, ast.Assign) and Names.of([s]).bound & outputs]
    fills = any(isinstance(value, ast.List | ast.Dict | ast.Set) for value in starts)
    return _identifier(["collect" if fills else "compute", *"_and_".join(results).split("_")])


def _name_from_subject(function: Function, piece: Sequence[ast.stmt]) -> str:
    """`_naturaldelta_years` for the part of `naturaldelta` that is mostly about `years`."""
    read = [
        node.id
        for statement in piece
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id not in ("self", "cls")
    ]
    local = arguments_of(function) | Names.of(function.body).bound
    counted = Counter(name for name in read if name in local and len(name) > 1)
    if not counted:
        return ""
    subject = max(counted, key=lambda name: (counted[name], name))
    return _identifier([*function.name.strip("_").split("_"), subject])


def _identifier(words: Sequence[str]) -> str:
    name = "_" + "_".join(word.strip("_") for word in words if word.strip("_"))
    return name if name.isidentifier() and not keyword.iskeyword(name[1:]) else ""


def _starts_paragraph(line: int, lines: list[str]) -> bool:
    above = lines[line - 2].strip() if line > 1 else ""
    return not above or above.startswith("#") or above.endswith(":")


def _ends_paragraph(line: int, lines: list[str]) -> bool:
    return line >= len(lines) or not lines[line].strip() or lines[line].strip().startswith("#")
