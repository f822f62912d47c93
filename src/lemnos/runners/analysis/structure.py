"""The shape of a file: its functions and classes with what is in them.

A tree-sitter query names what counts; here it is put in order and counted. Captures:

- ``function``, ``class``: what is measured by itself; ``nest``: an anonymous function, which is
  part of the one around it but one level deeper;
- ``branch``: a decision that nests; ``else``: a further arm of one; ``logic``: a boolean
  operator; ``jump``: a jump to a label; ``block``: a compound statement without a decision;
- ``exit``, ``loop_exit``: what keeps a block from being moved into a function of its own;
- ``owner``.``member``: an attribute in use; ``chain``: a long chain of them; ``assigned`` =
  ``value``: a local variable; ``import``, ``module``, ``package``: what ties files together.

Cognitive complexity is counted as in G. Ann Campbell, "Cognitive Complexity: a new way of
measuring understandability", SonarSource, version 1.7: each decision counts one and one more for
each level it is nested in; each further arm, each change of boolean operators and each jump to a
label count one. Recursion is not looked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

Captures = dict[str, list["Node"]]

_SCOPES = ("function", "class", "nest", "branch", "block", "logic")
_COUNTED = (*_SCOPES, "else", "jump", "exit", "loop_exit")
_ANONYMOUS = "(anonymous)"
_NAMED_BY_PARENT = {"name", "key", "left", "property"}
_ASSIGNS = {
    "variable_declarator", "pair", "assignment_expression", "public_field_definition",
    "field_definition",
}  # fmt: skip
_UNNAMED = {"arrow_function", "function_expression", "generator_function"}


@dataclass(slots=True)
class Block:
    """A compound statement: what it counts, and whether it can be left from within."""

    node: Node
    level: int  # 1 for a statement of the function itself
    branch: bool  # a decision itself
    decisions: int = 0
    exits: bool = False
    loop: bool = False

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line."""
        return lines_of(self.node)


@dataclass(slots=True)
class FunctionShape:
    """One function. ``decisions`` + 1 is its cyclomatic complexity, McCabe (1976)."""

    node: Node
    name: str
    owner: ClassShape | None = None
    inner: bool = False  # within another function
    decisions: int = 0
    cognitive: int = 0
    nesting: int = 0
    blocks: list[Block] = field(default_factory=list)
    conditions: dict[int, tuple[Node, int]] = field(default_factory=dict)
    generator: bool = False

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line."""
        return lines_of(self.node)

    @property
    def symbol(self) -> str:
        """The name with that of its class."""
        return f"{self.owner.name}.{self.name}" if self.owner else self.name


@dataclass(slots=True)
class ClassShape:
    """One class with its own methods."""

    node: Node
    name: str
    methods: list[FunctionShape] = field(default_factory=list)

    @property
    def lines(self) -> tuple[int, int]:
        """First and last line."""
        return lines_of(self.node)


@dataclass(slots=True)
class Shape:
    """A file's functions and classes, in the order of the text."""

    functions: list[FunctionShape] = field(default_factory=list)
    classes: list[ClassShape] = field(default_factory=list)


@dataclass(slots=True)
class _Scope:
    """What is open at some place of the text."""

    end: int
    kind: str
    node: Node
    function: FunctionShape | None
    owner: ClassShape | None
    level: int  # of nesting, as cognitive complexity counts it
    depth: int  # of decisions within the function
    block: Block | None = None


def shape_of(captures: Captures) -> Shape:
    """Put what was captured in order, and count it."""
    return _Reader().read(_events(captures))


def lines_of(node: Node) -> tuple[int, int]:
    """First and last line of a node, counted from 1."""
    row, column = node.end_point
    return node.start_point[0] + 1, row + 1 if column or row == node.start_point[0] else row


def _events(captures: Captures) -> Iterator[tuple[str, Node]]:
    """Captures from the outside to the inside, each before what is in it."""
    found = [
        (node.start_byte, -node.end_byte, rank, kind, node)
        for rank, kind in enumerate(_COUNTED)
        for node in captures.get(kind, ())
    ]
    found.sort(key=lambda item: item[:3])
    for *_, kind, node in found:
        yield kind, node


class _Reader:
    """Walks the events with a stack of what is open: no recursion, however deep a file nests."""

    def __init__(self) -> None:
        self._shape = Shape()
        self._open: list[_Scope] = []

    def read(self, events: Iterator[tuple[str, Node]]) -> Shape:
        for kind, node in events:
            start = node.start_byte
            while self._open and self._open[-1].end <= start:
                self._open.pop()
            around = self._open[-1] if self._open else None
            getattr(self, f"_on_{kind}")(node, around)
        return self._shape

    def _push(self, kind: str, node: Node, around: _Scope | None, **changes: object) -> None:
        inherited = {
            "function": around.function if around else None,
            "owner": around.owner if around else None,
            "level": around.level if around else 0,
            "depth": around.depth if around else 0,
            "block": around.block if around else None,
        }
        scope = _Scope(node.end_byte, kind, node, **{**inherited, **changes})  # type: ignore[arg-type]
        self._open.append(scope)

    def _on_function(self, node: Node, around: _Scope | None) -> None:
        name = name_of(node)
        function = around.function if around else None
        if name == _ANONYMOUS and function is not None:
            self._on_nest(node, around)
            return
        owner = around.owner if around and around.kind == "class" else None
        shape = FunctionShape(node, name, owner, inner=function is not None)
        self._shape.functions.append(shape)
        if owner is not None:
            owner.methods.append(shape)
        self._push("function", node, around, function=shape, level=0, depth=0, block=None)

    def _on_class(self, node: Node, around: _Scope | None) -> None:
        shape = ClassShape(node, name_of(node))
        self._shape.classes.append(shape)
        self._push("class", node, around, owner=shape)

    def _on_nest(self, node: Node, around: _Scope | None) -> None:
        self._push("nest", node, around, level=(around.level if around else 0) + 1)

    def _on_branch(self, node: Node, around: _Scope | None) -> None:
        function = around.function if around else None
        if function is None or around is None:
            return
        before = node.prev_sibling
        if before is not None and before.type == "else":
            # An else-if: its else counts, and it nests no deeper than its if.
            _decide(function, around.block)
            return
        function.decisions += 1  # the block that it is counts for itself
        function.cognitive += 1 + around.level
        depth = around.depth + 1
        function.nesting = max(function.nesting, depth)
        block = self._block(node, function, depth, branch=True)
        block.loop = "for" in node.type or "while" in node.type or "loop" in node.type
        self._push("branch", node, around, level=around.level + 1, depth=depth, block=block)

    def _on_block(self, node: Node, around: _Scope | None) -> None:
        if around is not None and around.function is not None:
            block = self._block(node, around.function, around.depth + 1, branch=False)
            self._push("block", node, around, block=block)

    def _block(self, node: Node, function: FunctionShape, level: int, *, branch: bool) -> Block:
        block = Block(node, level, branch)
        function.blocks.append(block)
        return block

    def _on_else(self, node: Node, around: _Scope | None) -> None:
        if around is None or around.function is None:
            return
        around.function.cognitive += 1
        if node.type in ("elif_clause", "elsif"):
            _decide(around.function, around.block)

    def _on_logic(self, node: Node, around: _Scope | None) -> None:
        function = around.function if around else None
        if function is None or around is None:
            return
        _decide(function, around.block)
        operator = _operator(node)
        outer = around.node if around.kind == "logic" else None
        if outer is None or not _is_operand(node, outer) or _operator(outer) != operator:
            function.cognitive += 1
        self._note_condition(node, outer, function)
        self._push("logic", node, around)

    def _note_condition(self, node: Node, outer: Node | None, function: FunctionShape) -> None:
        """Count the operators of the outermost expression that they stand in."""
        root = outer
        for scope in reversed(self._open):
            if scope.kind != "logic":
                break
            root = scope.node
        whole = root or node
        _, count = function.conditions.get(whole.start_byte, (whole, 0))
        function.conditions[whole.start_byte] = (whole, count + 1)

    def _on_jump(self, node: Node, around: _Scope | None) -> None:
        if around is not None and around.function is not None:
            around.function.cognitive += 1
            self._leave(around.function, loops=False)

    def _on_exit(self, node: Node, around: _Scope | None) -> None:
        if around is not None and around.function is not None:
            self._leave(around.function, loops=False)
            if node.type.startswith("yield"):
                around.function.generator = True

    def _on_loop_exit(self, node: Node, around: _Scope | None) -> None:
        if around is not None and around.function is not None:
            self._leave(around.function, loops=True)

    def _leave(self, function: FunctionShape, *, loops: bool) -> None:
        """Mark the open blocks that something within jumps out of."""
        for scope in reversed(self._open):
            if scope.function is not function or scope.kind in ("nest", "function"):
                return
            if scope.kind not in ("branch", "block") or scope.block is None:
                continue
            if loops and scope.block.loop:
                return  # the loop that it belongs to
            scope.block.exits = True


def _decide(function: FunctionShape, block: Block | None) -> None:
    function.decisions += 1
    if block is not None:
        block.decisions += 1


def _operator(node: Node) -> str:
    found = node.child_by_field_name("operator")
    return found.type if found is not None else ""


def _is_operand(node: Node, of: Node) -> bool:
    return node in (of.child_by_field_name("left"), of.child_by_field_name("right"))


def name_of(node: Node) -> str:
    """The name of a function or class, also where that is what it is assigned to."""
    named = node.child_by_field_name("name")
    if named is None and node.type in _UNNAMED:
        named = _assigned_name(node)
    if named is None:
        named = _declared_name(node)
    text = named.text if named is not None else None
    return text.decode(errors="replace") if text else _ANONYMOUS


def _assigned_name(node: Node) -> Node | None:
    parent = node.parent
    if parent is None or parent.type not in _ASSIGNS:
        return None
    for name in _NAMED_BY_PARENT:
        found = parent.child_by_field_name(name)
        if found is not None and found.type.endswith("identifier"):
            return found
    return None


def _declared_name(node: Node) -> Node | None:
    """C and C++ wrap the name in declarators; Rust's ``impl`` has a type."""
    if node.type == "impl_item":
        return node.child_by_field_name("type")
    if node.type == "type_spec":
        return node.child_by_field_name("name")
    inner = node.child_by_field_name("declarator")
    while inner is not None:
        deeper = inner.child_by_field_name("declarator")
        if deeper is None:
            return inner
        inner = deeper
    return None
