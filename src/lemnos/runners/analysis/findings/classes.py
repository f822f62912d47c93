"""Classes that are several in one, and methods that work on another object than their own."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.parsed import Parsed
from lemnos.runners.analysis.structure import ClassShape, FunctionShape, lines_of

METHODS = 20  # over it a class has too many; pylint's max-public-methods
LINES = 300  # a class over it is looked at too [ours]
GROUP = 3  # methods that make a group of their own [ours]
ENVY = 4  # uses of a parameter's members from which a method may be meant for it [ours]
_SELF = {"self", "this", "cls"}
_LANGUAGES = {"python", "javascript", "typescript", "tsx"}
_BUILT_IN = {
    "str", "int", "float", "bytes", "bool", "dict", "list", "set", "tuple", "object", "Any",
    "string", "number", "boolean", "any", "unknown", "Array", "Map", "Set", "Promise", "Date",
}  # fmt: skip


@dataclass(slots=True)
class _Uses:
    """What a method uses: of its own object, and of each other name."""

    own: set[str] = field(default_factory=set)
    count: int = 0
    others: Counter[str] = field(default_factory=Counter)


def find(parsed: Parsed) -> Iterator[Finding]:
    """split_class and move_method, where a language names the object that a method works on."""
    if parsed.language not in _LANGUAGES:
        return
    uses = _uses(parsed)
    for shape in parsed.shape.classes:
        yield from _split(shape, uses)
        for method in shape.methods:
            yield from _envy(shape, method, uses.get(method.node.start_byte, _Uses()))


def _uses(parsed: Parsed) -> dict[int, _Uses]:
    """By the first byte of the method."""
    methods = sorted(
        (method.node.start_byte, method.node.end_byte)
        for shape in parsed.shape.classes
        for method in shape.methods
    )
    starts = [start for start, _ in methods]
    uses: dict[int, _Uses] = defaultdict(_Uses)
    if not methods:
        return uses
    owners = sorted(parsed.captures.get("owner", ()), key=lambda each: each.start_byte)
    members = sorted(parsed.captures.get("member", ()), key=lambda each: each.start_byte)
    for owner, member in zip(owners, members, strict=False):
        at = bisect_right(starts, owner.start_byte) - 1
        if at < 0 or owner.start_byte >= methods[at][1]:
            continue
        mine = uses[starts[at]]
        name = (owner.text or b"").decode(errors="replace")
        if name in _SELF:
            mine.own.add((member.text or b"").decode(errors="replace"))
            mine.count += 1
        else:
            mine.others[name] += 1
    return uses


def _split(shape: ClassShape, uses: dict[int, _Uses]) -> Iterator[Finding]:
    start, end = shape.lines
    if len(shape.methods) <= METHODS and end - start < LINES:
        return
    groups = [group for group in _groups(shape, uses) if len(group) >= GROUP]
    if len(groups) < 2:
        return
    smaller = sum(len(group) for group in groups[1:])
    yield Finding(
        "split_class",
        shape.name,
        start,
        end,
        f"{shape.name} has {len(shape.methods)} methods in {len(groups)} groups that share nothing",
        "size_reduction",
        round(100 * smaller / len(shape.methods), 1),
        {
            "class": shape.name,
            "methods": len(shape.methods),
            "groups": [
                {"methods": [method.name for method in group], "attributes": _shared(group, uses)}
                for group in groups
            ],
        },
    )


def _groups(shape: ClassShape, uses: dict[int, _Uses]) -> list[list[FunctionShape]]:
    """Methods that share attributes or call each other, the largest group first: the components
    of LCOM4, M. Hitz and B. Montazeri, "Measuring coupling and cohesion", 1995."""
    methods = [each for each in shape.methods if not each.name.startswith(("__", "constructor"))]
    leader = list(range(len(methods)))

    def root(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    by_name = {method.name: at for at, method in enumerate(methods)}
    first: dict[str, int] = {}
    for at, method in enumerate(methods):
        for name in uses.get(method.node.start_byte, _Uses()).own:
            other = by_name.get(name, first.setdefault(name, at))
            leader[root(at)] = root(other)
    groups: dict[int, list[FunctionShape]] = defaultdict(list)
    for at, method in enumerate(methods):
        if uses.get(method.node.start_byte, _Uses()).own:
            groups[root(at)].append(method)
    return sorted(groups.values(), key=len, reverse=True)


def _shared(group: list[FunctionShape], uses: dict[int, _Uses]) -> list[str]:
    return sorted({name for method in group for name in uses[method.node.start_byte].own})[:50]


def _envy(shape: ClassShape, method: FunctionShape, uses: _Uses) -> Iterator[Finding]:
    """Feature envy, M. Fowler, "Refactoring": more interest in another class than in its own.

    A class with a base is left alone: what it defines may stand in for the base's method.
    """
    if _has_base(shape):
        return
    for name, count in uses.others.most_common(1):
        if count < ENVY or count <= 2 * uses.count:
            continue
        target = _annotated(method, name)
        if not target or target == shape.name:
            continue
        start, end = lines_of(method.node)
        yield Finding(
            "move_method",
            method.symbol,
            start,
            end,
            f"{method.symbol} uses {count} times what {name} has, and {uses.count} times its own: "
            f"it belongs to {target}",
            "coupling_reduction",
            round(100 * (count - uses.count) / (count + uses.count), 1),
            {
                "class": shape.name,
                "method": method.name,
                "parameter": name,
                "target": target,
                "line": start,
            },
        )


def _has_base(shape: ClassShape) -> bool:
    python = shape.node.child_by_field_name("superclasses")
    return python is not None or any(c.type == "class_heritage" for c in shape.node.children)


def _annotated(method: FunctionShape, name: str) -> str:
    """The class that a parameter is said to be of; empty where none is, or a built-in one."""
    parameters = method.node.child_by_field_name("parameters")
    for each in parameters.named_children if parameters is not None else ():
        text = (each.text or b"").decode(errors="replace")
        head, colon, rest = text.partition(":")
        if colon and head.strip().rstrip("?") == name:
            kind = rest.partition("=")[0].strip().strip("\"'")
            return kind if kind.isidentifier() and kind not in _BUILT_IN else ""
    return ""
