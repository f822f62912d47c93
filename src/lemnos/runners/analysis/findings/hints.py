"""Python functions without type hints, with those that can be told from the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.documentation import is_public
from lemnos.runners.analysis.findings.names import DOCUMENTED
from lemnos.runners.analysis.parsed import Parsed
from lemnos.runners.analysis.structure import FunctionShape

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPES = {
    "integer": "int", "float": "float", "string": "str", "true": "bool", "false": "bool",
}  # fmt: skip
_IMPLICIT = {"self", "cls"}
_PARAMETERS = {"identifier", "default_parameter", "list_splat_pattern", "dictionary_splat_pattern"}


def find(parsed: Parsed) -> Iterator[Finding]:
    """add_type_hints for public functions that have none, in files that little else explains."""
    if parsed.language != "python" or (parsed.documented or 0.0) >= DOCUMENTED:
        return
    returning = sorted(node.start_byte for node in parsed.captures.get("exit", ()))
    for shape in parsed.shape.functions:
        if shape.inner or not is_public(shape.node, shape.name, "python"):
            continue
        parameters = shape.node.child_by_field_name("parameters")
        bare = list(_bare(parameters)) if parameters is not None else []
        all_bare = parameters is not None and len(bare) == _named(parameters)
        if not all_bare or shape.node.child_by_field_name("return_type") is not None:
            continue
        yield _finding(shape, bare, _returns_nothing(shape, returning))


def _named(parameters: Node) -> int:
    """How many parameters should have a hint."""
    kinds = (
        each
        for each in parameters.named_children
        if "parameter" in each.type or each.type in _PARAMETERS
    )
    return sum(1 for each in kinds if (each.text or b"").decode(errors="replace") not in _IMPLICIT)


def _bare(parameters: Node) -> Iterator[tuple[str, str]]:
    """Parameters without a hint, each with the type of its default, or nothing."""
    for each in parameters.named_children:
        if each.type not in _PARAMETERS:
            continue
        named = each.child_by_field_name("name") or each
        name = (named.text or b"").decode(errors="replace").lstrip("*")
        default = each.child_by_field_name("value")
        if name not in _IMPLICIT:
            yield name, _TYPES.get(default.type, "") if default is not None else ""


def _returns_nothing(shape: FunctionShape, returning: list[int]) -> bool:
    """Whether there is no return or yield at all, so that the result is None."""
    from bisect import bisect_left

    at = bisect_left(returning, shape.node.start_byte)
    return at == len(returning) or returning[at] >= shape.node.end_byte


def _finding(shape: FunctionShape, bare: list[tuple[str, str]], nothing: bool) -> Finding:
    start, end = shape.lines
    told = {name: hint for name, hint in bare if hint}
    return Finding(
        "add_type_hints",
        shape.symbol,
        start,
        end,
        f"{shape.symbol} says neither what it takes nor what it gives",
        "readability",
        25.0,
        {
            "function": shape.symbol,
            "line": start,
            "parameters": [name for name, _ in bare],
            "inferred": told,
            "returns": "None" if nothing and shape.name != "__new__" else "",
        },
    )
