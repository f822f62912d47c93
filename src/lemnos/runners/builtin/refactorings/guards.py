"""Guard clauses: what a whole body is nested in is decided first, and left early.

for row in rows:            for row in rows:
    if row.valid:      →        if not row.valid:
        …                           continue
        …                       …
                                …
"""
# ruff: noqa: N802  LibCST's names of methods

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

_LEAST = 3  # statements that have to become flatter, counting nested ones
_OPPOSITE: dict[type[cst.BaseCompOp], type[cst.BaseCompOp]] = {
    cst.Equal: cst.NotEqual,
    cst.NotEqual: cst.Equal,
    cst.Is: cst.IsNot,
    cst.IsNot: cst.Is,
    cst.In: cst.NotIn,
    cst.NotIn: cst.In,
}


def with_guard_clauses(source: str, start: int, end: int) -> tuple[str, list[int]]:
    """The text with guard clauses within the lines, and at which lines conditions were turned."""
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
    except cst.ParserSyntaxError:
        return source, []  # syntax newer than LibCST's
    visitor = _Guards(start, end)
    return wrapper.visit(visitor).code, visitor.lines


class _Guards(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.lines: list[int] = []
        self._start, self._end = start, end

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        if not _returns_nothing(original_node):
            return updated_node
        return updated_node.with_changes(
            body=self._flattened(updated_node.body, original_node.body, "return")
        )

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.For:
        return updated_node.with_changes(
            body=self._flattened(updated_node.body, original_node.body, "continue")
        )

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> cst.While:
        return updated_node.with_changes(
            body=self._flattened(updated_node.body, original_node.body, "continue")
        )

    def _flattened(self, body: cst.BaseSuite, original: cst.BaseSuite, leave: str) -> cst.BaseSuite:
        """The block, with an `if` that ends it turned round."""
        if not isinstance(body, cst.IndentedBlock) or not isinstance(original, cst.IndentedBlock):
            return body
        last, was = body.body[-1], original.body[-1]
        if not isinstance(last, cst.If) or last.orelse is not None or not self._inside(was):
            return body
        if not isinstance(last.body, cst.IndentedBlock) or _size(last.body.body) < _LEAST:
            return body
        early = cst.Return() if leave == "return" else cst.Continue()
        guard = last.with_changes(
            test=negated(last.test),
            body=cst.IndentedBlock([cst.SimpleStatementLine([early])]),
        )
        self.lines.append(self._line(was))
        return body.with_changes(body=[*body.body[:-1], guard, *last.body.body])

    def _inside(self, node: cst.CSTNode) -> bool:
        return self._start <= self._line(node) <= self._end

    def _line(self, node: cst.CSTNode) -> int:
        return int(self.get_metadata(PositionProvider, node).start.line)


def negated(test: cst.BaseExpression) -> cst.BaseExpression:
    """The opposite of a condition. Orders are not turned round: NaN is neither more nor less."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        target = test.comparisons[0]
        opposite = _OPPOSITE.get(type(target.operator))
        if opposite is not None:
            return test.with_changes(comparisons=[target.with_changes(operator=opposite())])
    if (
        isinstance(test, cst.BooleanOperation | cst.IfExp | cst.Lambda | cst.NamedExpr)
        and not test.lpar
    ):
        test = test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(cst.Not(), test)


def _returns_nothing(function: cst.FunctionDef) -> bool:
    """Whether it never returns a value, so that leaving early is leaving alike."""
    finder = _Values()
    function.body.visit(finder)
    return not finder.found


class _Values(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def visit_Return(self, node: cst.Return) -> None:
        self.found = self.found or node.value is not None

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False  # what an inner one returns is its own affair

    def visit_Lambda(self, node: cst.Lambda) -> bool:
        return False


def _size(statements: Sequence[cst.BaseStatement]) -> int:
    """How many statements there are, those inside of others too."""
    total = 0
    for statement in statements:
        total += 1
        body = getattr(statement, "body", None)
        if isinstance(body, cst.IndentedBlock):
            total += _size(body.body)
    return total
