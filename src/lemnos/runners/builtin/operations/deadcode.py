"""Statements that can never run: those after a return, raise, break or continue."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.operations.base import Applied, Finding, Work, says

JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Unreachable:
    """Statements of one block that can never run: lines `first` to `last`."""

    first: int
    last: int
    reason_to_keep: str = ""


@dataclass(frozen=True)
class DeadCode:
    """Unreachable statements are deleted, unless their mere presence means something."""

    name: str = "unreachable code"
    risky: bool = True

    def detect(self, work: Work) -> Sequence[Finding]:
        return [
            Finding(path, block.first, "can never run")
            for path in work.tree.files(".py")
            for block in unreachable_in(_source(work, path))
        ]

    def apply(self, work: Work) -> Applied:
        applied = Applied()
        for path in list(work.tree.files(".py")):
            source = _source(work, path)
            lines = source.splitlines(keepends=True)
            blocks = unreachable_in(source)
            for block in blocks:
                if block.reason_to_keep:
                    applied.left.append(f"{path}:{block.first}: {block.reason_to_keep}")
            doomed = [block for block in blocks if not block.reason_to_keep]
            for block in reversed(doomed):
                del lines[block.first - 1 : block.last]
            if doomed:
                work.tree.write(path, "".join(lines))
                applied.done.append(f"{path}: {len(doomed)} unreachable blocks deleted")
        return applied


def read(prompt: str) -> Sequence[DeadCode]:
    return [DeadCode()] if says(prompt, r"\b(?:dead|unreachable) (?:code|statements?)\b") else []


def unreachable_in(source: str) -> list[Unreachable]:
    """The unreachable blocks of a module, in order; none lies in another."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    found: list[Unreachable] = []
    for function in _functions(module):
        for body in _blocks(function):
            for place, statement in enumerate(body[:-1]):
                if isinstance(statement, JUMPS):
                    dead = body[place + 1 :]
                    found.append(_judged(function, statement, dead))
                    break
    found.sort(key=lambda block: (block.first, -block.last))
    return [b for n, b in enumerate(found) if not any(o.last >= b.first for o in found[:n])]


def _judged(function: Function, jump: ast.stmt, dead: Sequence[ast.stmt]) -> Unreachable:
    last = dead[-1].end_lineno or dead[-1].lineno
    reason = ""
    inner = [node for statement in dead for node in ast.walk(statement)]
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in inner):
        reason = "unreachable, but its yield makes the function a generator"
    elif any(isinstance(node, ast.Global | ast.Nonlocal) for node in inner):
        reason = "unreachable, but it declares names for the whole function"
    elif _bound(inner) & _used_outside(function, inner):
        reason = "unreachable, but it makes names local to the function that are used elsewhere"
    elif dead[0].lineno == (jump.end_lineno or jump.lineno):
        reason = "unreachable, but on one line with code that runs"
    return Unreachable(dead[0].lineno, last, reason)


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    names = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return names | {n.name for n in nodes if isinstance(n, Function | ast.ClassDef)}


def _used_outside(function: Function, dead: Sequence[ast.AST]) -> set[str]:
    gone = set(map(id, dead))
    return {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and id(n) not in gone}


def _functions(module: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(module) if isinstance(node, Function))


def _blocks(function: Function) -> Iterator[list[ast.stmt]]:
    """The function's own blocks of statements, without those of functions inside it."""
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        for _, value in ast.iter_fields(node):
            if not isinstance(value, list):
                continue
            if value and isinstance(value[0], ast.stmt):
                yield value
            waiting += [
                item for item in value
                if isinstance(item, ast.stmt | ast.ExceptHandler | ast.match_case)
                and not isinstance(item, Function | ast.ClassDef)
            ]  # fmt: skip


def _source(work: Work, path: str) -> str:
    try:
        return work.tree.read(path)
    except (OSError, UnicodeDecodeError):
        return ""
