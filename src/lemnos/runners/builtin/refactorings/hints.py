"""add_type_hints: annotations of what is certain, by LibCST.

Certain is a result that is always of one built-in type as it is written (a literal, a comparison,
`len(…)`, nothing at all), and a parameter whose default is a text, bytes or a truth value. Numbers
are not: a function with the default 1 may well be called with 0.5.
"""
# ruff: noqa: N802  LibCST's names of methods

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from lemnos.runners.builtin.dataflow import Function
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Target, parsed
from lemnos.runners.builtin.tree import Tree

_PLAIN_DECORATORS = frozenset({"staticmethod", "classmethod", "property"})
_CALLS = {"len": "int", "str": "str", "bool": "bool", "isinstance": "bool", "repr": "str",
          "callable": "bool", "hasattr": "bool", "issubclass": "bool", "ord": "int",
          "chr": "str", "any": "bool", "all": "bool"}  # fmt: skip
_DEFAULTS = {str: "str", bytes: "bytes", bool: "bool"}


def add_type_hints(tree: Tree, target: Target) -> Sequence[str]:
    """Annotate the functions on the target's lines; what has annotations keeps them."""
    source = tree.read(target.path)
    module = parsed(source)
    shadowed = {n.id for n in ast.walk(module) if isinstance(n, ast.Name) and not _loads(n)}
    shadowed |= {n.name for n in ast.walk(module) if isinstance(n, Function | ast.ClassDef)}
    results = {
        node.lineno: found
        for node in ast.walk(module)
        if isinstance(node, Function)
        and target.start <= node.lineno <= target.end
        and (found := result_of(node, shadowed))
    }
    try:
        wrapper = MetadataWrapper(cst.parse_module(source))
    except cst.ParserSyntaxError as error:
        raise DoesNotApply(f"LibCST cannot parse the file: {error}") from error
    visitor = _Annotator(target, results)
    text = wrapper.visit(visitor).code
    if not visitor.done:
        raise DoesNotApply("no type here is certain from the code alone")
    tree.write(target.path, text)
    return [f"{target.path}: {line}" for line in visitor.done]


def _loads(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def result_of(function: Function, shadowed: set[str]) -> str:
    """The type of what a function returns, if that is certain; else empty."""
    decorators = {ast.unparse(node) for node in function.decorator_list}
    if function.returns is not None or not decorators <= _PLAIN_DECORATORS:
        return ""
    inner = list(_own_nodes(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inner):
        return ""
    returned = [node.value for node in inner if isinstance(node, ast.Return)]
    values = [value for value in returned if value is not None]
    if not values:
        return "" if _is_stub(function) else "None"
    types = {_type_of(value, shadowed) for value in values}
    falls_through = len(values) < len(returned) or not _always_leaves(function.body)
    return types.pop() if len(types) == 1 and not falls_through else ""


def _own_nodes(function: Function) -> Sequence[ast.AST]:
    """What belongs to the function itself and not to one inside of it."""
    found, waiting = list[ast.AST](), list[ast.AST](function.body)
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)
    return found


def _is_stub(function: Function) -> bool:
    """Nothing but a docstring, `pass` or a raise: others may override it with more."""
    return all(
        isinstance(node, ast.Pass | ast.Raise)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in function.body
    )


def _always_leaves(body: Sequence[ast.stmt]) -> bool:
    match body[-1]:
        case ast.Return() | ast.Raise():
            return True
        case ast.If(body=then, orelse=[_, *_] as other):
            return _always_leaves(then) and _always_leaves(other)
        case ast.With(body=inner) if len(body[-1].items) == 0:
            return _always_leaves(inner)
    return False


def _type_of(value: ast.expr, shadowed: set[str]) -> str:
    match value:
        case ast.Constant(value=bool()) | ast.Compare(ops=[ast.Is() | ast.IsNot()]):
            return "bool"
        case ast.Compare(ops=[ast.In() | ast.NotIn()]) | ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.Constant(value=str()) | ast.JoinedStr():
            return "str"
        case ast.Constant(value=int()):
            return "int"
        case ast.Constant(value=float()):
            return "float"
        case ast.Constant(value=bytes()):
            return "bytes"
        case ast.Call(func=ast.Name(id=name)) if name not in shadowed:
            return _CALLS.get(name, "")
    return ""


class _Annotator(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, target: Target, results: dict[int, str]) -> None:
        super().__init__()
        self.done: list[str] = []
        self._target = target
        self._results = results

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        line = int(self.get_metadata(PositionProvider, original_node).start.line)
        if not self._target.start <= line <= self._target.end:
            return updated_node
        parameters = [_annotated(each) for each in updated_node.params.params]
        keywords = [_annotated(each) for each in updated_node.params.kwonly_params]
        given = updated_node.params.with_changes(params=parameters, kwonly_params=keywords)
        changed = updated_node.with_changes(params=given)
        result = self._results.get(line)
        if result and updated_node.returns is None:
            changed = changed.with_changes(returns=cst.Annotation(cst.Name(result)))
        if not changed.deep_equals(updated_node):
            self.done.append(f"annotated {original_node.name.value}, line {line}")
        return changed


def _annotated(parameter: cst.Param) -> cst.Param:
    if parameter.annotation is not None or parameter.default is None:
        return parameter
    try:
        default = ast.literal_eval(cst.Module([]).code_for_node(parameter.default))
    except (ValueError, SyntaxError):
        return parameter
    name = _DEFAULTS.get(type(default))
    if name is None:
        return parameter
    spaced = cst.AssignEqual(cst.SimpleWhitespace(" "), cst.SimpleWhitespace(" "))
    return parameter.with_changes(annotation=cst.Annotation(cst.Name(name)), equal=spaced)
