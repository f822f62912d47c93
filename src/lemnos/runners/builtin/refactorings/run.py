"""One refactoring, from the operation to the outcome: done whole, or not at all."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from lemnos.runners.builtin.protocol import Emitter, Outcome, Request
from lemnos.runners.builtin.refactorings import (
    classes,
    conditionals,
    constants,
    duplicates,
    functions,
    hints,
    methods,
    naming,
    scripts,
    variables,
)
from lemnos.runners.builtin.refactorings.base import DoesNotApply, Refactoring, Target
from lemnos.runners.builtin.tidy import keep_tidy
from lemnos.runners.builtin.tree import Tree

_PYTHON: Mapping[str, Refactoring] = {
    "extract_function": functions.extract_function,
    "extract_variable": variables.extract_variable,
    "extract_constant": constants.extract_constant,
    "simplify_conditional": conditionals.simplify_conditional,
    "remove_duplication": duplicates.remove_duplication,
    "reduce_complexity": conditionals.reduce_complexity,
    "rename_variable": naming.improve_name,
    "improve_naming": naming.improve_name,
    "add_type_hints": hints.add_type_hints,
    "split_class": classes.split_class,
    "move_method": methods.move_method,
}
_SCRIPT: Mapping[str, Refactoring] = {
    "extract_constant": scripts.extract_constant,
    "simplify_conditional": scripts.simplify_conditional,
    "reduce_complexity": scripts.simplify_conditional,
}
_BY_SUFFIX = {".py": _PYTHON} | dict.fromkeys(
    (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"), _SCRIPT
)


def run(request: Request, emitter: Emitter, root: Path) -> Outcome:
    """Carry out the request's operation; what does not apply is a failure that says why."""
    try:
        target = Target.read(request.operation or {})
    except (KeyError, TypeError, ValueError) as error:
        return Outcome("failed", error=f"this is no operation: {error!r}", error_class="agent")
    tree = Tree(root)
    call = emitter.tool_use(target.type, {"path": target.path, "symbol": target.symbol})
    try:
        done = _carried_out(tree, target)
    except DoesNotApply as reason:
        tree.roll_back()
        text = f"{target.type} does not apply to {target.path}: {reason}."
        emitter.tool_result(call, target.type, text, is_error=True)
        return Outcome("failed", error=text, error_class="unsuited", turns=1)
    changes = tree.settle()
    for path, change in changes:
        emitter.file_change(path, change)
    text = "\n".join(f"- {line}" for line in done)
    emitter.tool_result(call, target.type, text)
    report = {"operation": target.type, "files": [path for path, _ in changes]}
    return Outcome("completed", text, turns=1, report=report)


def _carried_out(tree: Tree, target: Target) -> Sequence[str]:
    suffix = PurePosixPath(target.path).suffix.lower()
    refactor = _BY_SUFFIX.get(suffix, {}).get(target.type)
    if refactor is None:
        raise DoesNotApply(f"no tool does this for {suffix or 'such'} files")
    _demand_unchanged(tree, target)
    try:
        done = refactor(tree, target)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise DoesNotApply(f"{type(error).__name__}: {error}") from error
    keep_tidy(tree)
    if not tree.touched():
        raise DoesNotApply("it would change nothing")
    _demand_valid(tree)
    return done


def _demand_unchanged(tree: Tree, target: Target) -> None:
    """The file is what was analysed, by git's id of its content."""
    try:
        content = tree.resolve(target.path).read_bytes()
    except (OSError, ValueError) as error:
        raise DoesNotApply(f"the file cannot be read: {error}") from error
    algorithm = hashlib.sha256 if len(target.blob) == 64 else hashlib.sha1
    if algorithm(b"blob %d\0" % len(content) + content).hexdigest() != target.blob:
        raise DoesNotApply("the file has changed since it was analysed")


def _demand_valid(tree: Tree) -> None:
    for path in tree.touched():
        if path.endswith(".py"):
            try:
                compile(ast.parse(tree.read(path)), path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                raise DoesNotApply(f"{path} would no longer be Python: {error}") from error
