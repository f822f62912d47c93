"""Which names a piece of a function reads and binds, and whether it may be moved elsewhere.

An approximation on the safe side: it serves to choose a piece, Rope and the tests have the last
word on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Loop = ast.For | ast.AsyncFor | ast.While
SCOPE_FUNCTIONS = frozenset({"locals", "vars", "eval", "exec", "super", "globals", "dir"})
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert,
            ast.comprehension, ast.match_case)  # fmt: skip


@dataclass
class Names(ast.NodeVisitor):
    """Names that statements read and bind. Names bound inside a comprehension stay in there."""

    read: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, nodes: Iterable[ast.AST]) -> Names:
        names = cls()
        for node in nodes:
            names.visit(node)
        return names

    def visit_Name(self, node: ast.Name) -> None:
        (self.read if isinstance(node.ctx, ast.Load) else self.bound).add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.read.add(node.target.id)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: Function) -> None:
        self.bound.add(node.name)
        inner = Names.of(node.body)
        self.read |= inner.read | Names.of([node.args, *node.decorator_list]).read

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bound.add(node.name)
        self.read |= Names.of(node.body).read

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.bound.add(node.name)
        self.generic_visit(node)

    def _comprehension(self, node: ast.AST) -> None:
        inner = Names()
        inner.generic_visit(node)
        self.read |= inner.read - inner.bound

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension  # noqa: N815


def movable(piece: Sequence[ast.stmt], *, at_end: bool) -> bool:
    """Whether the statements mean the same in a function of their own.

    A `return` may only be the last statement of a piece that ends the function.
    """
    if at_end and isinstance(piece[-1], ast.Return):
        piece = [*piece[:-1], ast.Expr(piece[-1].value or ast.Constant(None))]
    return not any(_is_bound_to_place(node, piece) for stmt in piece for node in ast.walk(stmt))


def _is_bound_to_place(node: ast.AST, piece: Sequence[ast.stmt]) -> bool:
    match node:
        case ast.Return() | ast.Yield() | ast.YieldFrom() | ast.Await():
            return True
        case ast.Global() | ast.Nonlocal() | ast.Delete() | ast.NamedExpr() | ast.Match():
            return True
        case ast.AsyncFor() | ast.AsyncWith() | ast.FunctionDef() | ast.ClassDef():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in SCOPE_FUNCTIONS
        case ast.Break() | ast.Continue():
            loops = [loop for stmt in piece for loop in ast.walk(stmt) if isinstance(loop, Loop)]
            inside = {id(inner) for loop in loops for part in loop.body for inner in ast.walk(part)}
            return id(node) not in inside
    return False


def surely_bound(piece: Sequence[ast.stmt]) -> set[str]:
    """Names that every way through the piece binds. A way that leaves it early does not count."""
    sure = set()
    for statement in piece:
        match statement:
            case ast.Assign() | ast.AnnAssign(value=ast.expr()) | ast.AugAssign() | ast.Import():
                sure |= Names.of([statement]).bound
            case ast.ImportFrom() | ast.FunctionDef() | ast.ClassDef():
                sure |= Names.of([statement]).bound
            case ast.With():
                sure |= Names.of(statement.items).bound | surely_bound(statement.body)
            case ast.If():
                sure |= _bound_by_all([statement.body, statement.orelse])
            case ast.Try():
                handlers = [handler.body for handler in statement.handlers]
                sure |= _bound_by_all([[*statement.body, *statement.orelse], *handlers])
                sure |= surely_bound(statement.finalbody)
    return sure


def _bound_by_all(branches: Sequence[Sequence[ast.stmt]]) -> set[str]:
    """What each branch binds of which the end is reached."""
    bound = [surely_bound(branch) for branch in branches if not _leaves(branch)]
    return set.intersection(*bound) if bound else set()


def _leaves(branch: Sequence[ast.stmt]) -> bool:
    return bool(branch) and isinstance(
        branch[-1], ast.Return | ast.Raise | ast.Continue | ast.Break
    )


def exposed(statements: Sequence[ast.stmt]) -> set[str]:
    """Names that may be read before the statements themselves bind them."""
    read: set[str] = set()
    bound: set[str] = set()
    for statement in statements:
        read |= _exposed_in(statement) - bound
        bound |= surely_bound([statement])
    return read


def _exposed_in(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.For():
            targets = Names.of([statement.target])
            inner = exposed(statement.body) - targets.bound
            return (
                Names.of([statement.iter]).read | targets.read | inner | exposed(statement.orelse)
            )
        case ast.If() | ast.While():
            branches = exposed(statement.body) | exposed(statement.orelse)
            return Names.of([statement.test]).read | branches
        case ast.With():
            items = Names.of(statement.items)
            return items.read | (exposed(statement.body) - items.bound)
    return Names.of([statement]).read


def loop_variables(piece: Sequence[ast.stmt]) -> set[str]:
    """Names that loops in the piece count with."""
    loops = [n for stmt in piece for n in ast.walk(stmt) if isinstance(n, ast.For)]
    return Names.of(loop.target for loop in loops).bound


def arguments_of(function: Function) -> set[str]:
    """The names of all parameters."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [extra for extra in (arguments.vararg, arguments.kwarg) if extra]
    return {argument.arg for argument in every}


def complexity(node: ast.AST) -> int:
    """McCabe's cyclomatic complexity: one more than the number of branches."""
    total = 1
    for inner in ast.walk(node):
        if isinstance(inner, BRANCHES):
            total += 1
        elif isinstance(inner, ast.BoolOp):
            total += len(inner.values) - 1
    return total
