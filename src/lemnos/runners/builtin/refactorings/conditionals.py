"""simplify_conditional and reduce_complexity: ruff's fixes and guard clauses, at one place."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.runners.builtin import ruff
from lemnos.runners.builtin.pieces import functions_of
from lemnos.runners.builtin.refactorings.base import (
    DoesNotApply,
    Target,
    first_line,
    line_offsets,
    parsed,
    place_of,
)
from lemnos.runners.builtin.refactorings.functions import LIMITS, split
from lemnos.runners.builtin.refactorings.guards import with_guard_clauses
from lemnos.runners.builtin.tree import Tree

# Rules whose fixes keep what the conditions decide; see https://docs.astral.sh/ruff/rules.
_CONDITIONS = (
    "SIM102,SIM103,SIM114,SIM118,SIM201,SIM202,SIM208,SIM210,SIM211,SIM212,SIM220,SIM221,SIM222,"
    "SIM223,PLR1714,PLR1716,PLR5501,E713,E714,RET505,RET506,RET507,RET508,C4"
)
_MOST_FIXES = 200


def simplify_conditional(tree: Tree, target: Target) -> Sequence[str]:
    """Ruff's fixes for conditions within the lines; guard clauses for what is nested."""
    done = _flatter(tree, target)
    if not done:
        raise DoesNotApply("no rule makes these conditions simpler")
    return done


def reduce_complexity(tree: Tree, target: Target) -> Sequence[str]:
    """Make the conditions simpler and flatter; then take pieces out, while it is too complex."""
    done = _flatter(tree, target)
    place = place_of(tree, target)
    if LIMITS.exceeded_by(place.function) or not done:
        try:
            done += split(tree, target.path, place.name)
        except DoesNotApply:
            if not done:
                raise
    return done


def _flatter(tree: Tree, target: Target) -> list[str]:
    source = tree.read(target.path)
    text, fixed = _fixed(tree, target, source)
    guarded, clauses = with_guard_clauses(text, *_lines(text, target))
    if guarded != source:
        tree.write(target.path, guarded)
    counts = {message: fixed.count(message) for message in fixed}
    done = [f"{target.path}: {count} × {message}" for message, count in counts.items()]
    return done + [f"{target.path}: guard clause at line {line}" for line in clauses]


def _fixed(tree: Tree, target: Target, source: str) -> tuple[str, list[str]]:
    """One fix after the other, since each moves what comes after it."""
    text, messages = source, list[str]()
    while len(messages) < _MOST_FIXES:
        start, end = _lines(text, target)
        found = ruff.fixes(tree.root, target.path, text, _CONDITIONS)
        wanted = [fix for fix in found if start <= fix.line <= end]
        if not wanted:
            break
        applied = _applied(text, wanted[0])
        if applied == text:
            break
        text = applied
        messages.append(f"{wanted[0].code} {wanted[0].message}")
    return text, messages


def _applied(text: str, fix: ruff.Fix) -> str:
    starts = line_offsets(text)

    def at(place: tuple[int, int]) -> int:
        line, column = place
        return starts[min(line, len(starts)) - 1] + column - 1

    for edit in sorted(fix.edits, key=lambda each: each.start, reverse=True):
        text = text[: at(edit.start)] + edit.text + text[at(edit.end) :]
    return text


def _lines(text: str, target: Target) -> tuple[int, int]:
    """The lines of the target's function as it is by now, or its own where it is in none."""
    wanted = target.symbol.removesuffix("()")
    for name, function in functions_of(parsed(text)):
        named = wanted and (name == wanted or name.endswith(f".{wanted}"))
        if named and target.start <= first_line(function):
            return first_line(function), function.end_lineno or function.lineno
    return target.start, target.end
