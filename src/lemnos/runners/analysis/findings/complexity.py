"""Functions that decide too much: a block to take out, else a hint where; and long conditions."""

from __future__ import annotations

from collections.abc import Iterator

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.parsed import Function, Parsed
from lemnos.runners.analysis.structure import Block, FunctionShape, lines_of

CYCLOMATIC = 10  # over it a function is too complex, as the ORCHEX facts have it
COGNITIVE = 15  # RSPEC-3776's threshold
OPERATORS = 3  # RSPEC-1067's: boolean operators in one expression
LONGEST = 60  # lines of a function [ours]
_LEAST_LINES = 4  # of a block that is worth a function of its own
_MOST_SHARE = 0.75  # of the function; more would only move the problem
_SHOWN = 200  # characters of an expression in ``data``


def find(parsed: Parsed) -> Iterator[Finding]:
    """extract_function or reduce_complexity for each function over a limit; simplify_conditional"""
    for shape, function in zip(parsed.shape.functions, parsed.functions, strict=True):
        lines = function.end - function.start + 1
        complex_ = function.cyclomatic > CYCLOMATIC or function.cognitive > COGNITIVE
        if complex_ or lines > LONGEST:
            yield from _split(shape, function, complex_)
        yield from _conditions(shape, function)


def _split(shape: FunctionShape, function: Function, complex_: bool) -> Iterator[Finding]:
    taken = _best_block(shape, function)
    if taken is not None:
        yield _extract(function, *taken)
    elif complex_:
        yield _reduce(shape, function)


def _extract(function: Function, start: int, end: int, decisions: int, name: str) -> Finding:
    percent = min(100 * decisions / max(function.cyclomatic, 1), 100.0)
    if percent == 0:  # a long function without decisions: what falls is its length
        percent = 100 * (end - start + 1) / (function.end - function.start + 1)
    return Finding(
        "extract_function",
        function.name,
        function.start,
        function.end,
        f"{function.name} has {function.end - function.start + 1} lines and a cyclomatic "
        f"complexity of {function.cyclomatic}: lines {start} to {end} can become a "
        "function of their own",
        "complexity_reduction" if decisions else "size_reduction",
        round(percent, 1),
        {
            "function": function.name,
            "start": start,
            "end": end,
            "name": name,
            "cyclomatic": function.cyclomatic,
            "cognitive": function.cognitive,
        },
    )


def _reduce(shape: FunctionShape, function: Function) -> Finding:
    over = max(
        (function.cyclomatic - CYCLOMATIC) / max(function.cyclomatic, 1),
        (function.cognitive - COGNITIVE) / max(function.cognitive, 1),
    )
    deepest = max(shape.blocks, key=lambda block: block.level, default=None)
    start, end = deepest.lines if deepest else (function.start, function.end)
    return Finding(
        "reduce_complexity",
        function.name,
        function.start,
        function.end,
        f"{function.name} has a cyclomatic complexity of {function.cyclomatic} and a cognitive one "
        f"of {function.cognitive}, and no block that could be taken out as it is",
        "complexity_reduction",
        round(100 * over, 1),
        {
            "function": function.name,
            "cyclomatic": function.cyclomatic,
            "cognitive": function.cognitive,
            "nesting": shape.nesting,
            "deepest_start": start,
            "deepest_end": end,
        },
    )


def _best_block(shape: FunctionShape, function: Function) -> tuple[int, int, int, str] | None:
    """The block with the most decisions that nothing jumps out of."""
    length = function.end - function.start + 1
    fitting = [
        block
        for block in shape.blocks
        if not block.exits and _LEAST_LINES <= _length(block) <= _MOST_SHARE * length
    ]
    if not fitting or shape.generator:
        return None
    best = max(fitting, key=lambda block: (_decisions(block, shape), _length(block)))
    word = best.node.type.partition("_")[0]
    name = f"{function.name.rpartition('.')[2].strip('_#')}_{word}"
    return (*best.lines, _decisions(best, shape), name)


def _decisions(block: Block, shape: FunctionShape) -> int:
    """Those of the block and of the blocks within it, and its own."""
    start, end = block.node.start_byte, block.node.end_byte
    within = (each for each in shape.blocks if start <= each.node.start_byte < end)
    return sum(each.decisions + each.branch for each in within)


def _length(block: Block) -> int:
    start, end = block.lines
    return end - start + 1


def _conditions(shape: FunctionShape, function: Function) -> Iterator[Finding]:
    for node, operators in shape.conditions.values():
        if operators <= OPERATORS:
            continue
        start, end = lines_of(node)
        text = (node.text or b"").decode(errors="replace")
        yield Finding(
            "simplify_conditional",
            function.name,
            start,
            end,
            f"A condition in {function.name} has {operators} boolean operators",
            "complexity_reduction",
            round(100 * operators / max(function.cyclomatic, operators + 1), 1),
            {"function": function.name, "operators": operators, "expression": text[:_SHOWN]},
        )
