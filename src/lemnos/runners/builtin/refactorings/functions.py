"""extract_function: pieces of a complex function become helpers."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from lemnos.runners.builtin.dataflow import Function, complexity
from lemnos.runners.builtin.extraction import extracted, loses_names
from lemnos.runners.builtin.pieces import Limits, Piece, functions_of, pieces_of, tails_of
from lemnos.runners.builtin.refactorings.base import (
    DoesNotApply,
    Place,
    Target,
    parsed,
    place_of,
)
from lemnos.runners.builtin.tree import Tree

LIMITS = Limits(lines=50, complexity=10)  # what an analysis reports begins over these
_MOST_HELPERS = 6  # taken out of one function
_MOST_TRIES = 10  # pieces tried for one helper


def extract_function(tree: Tree, target: Target) -> Sequence[str]:
    """The lines that are named, where they can be moved; then what is worth most, while the
    function is over the limits."""
    place = place_of(tree, target)
    done = []
    exact = _exact(place, target)
    if exact is not None:
        done.append(_taken(tree, target.path, place, [exact]))
    try:
        if not done or LIMITS.exceeded_by(_find(tree, target.path, place.name).function):
            done += split(tree, target.path, place.name)
    except DoesNotApply:
        if not done:
            raise
    return done


def split(tree: Tree, path: str, name: str) -> list[str]:
    """Take pieces out of a function until it is within the limits, or no piece is worth it."""
    done: list[str] = []
    for _ in range(_MOST_HELPERS):
        place = _find(tree, path, name)
        if done and not LIMITS.exceeded_by(place.function):
            break
        try:
            done.append(_taken(tree, path, place, _candidates(place)))
        except DoesNotApply:
            if not done:
                raise
            break
    return done


def _candidates(place: Place) -> list[Piece]:
    """What would make the function simpler, the best first: the worse of the two parts decides."""
    whole = complexity(place.function)
    pieces = pieces_of(place.function, place.source, LIMITS, unnamed=True)
    pieces += tails_of(place.function, place.source)

    def worse_part(piece: Piece) -> int:
        return max(whole - piece.complexity + 1, piece.complexity)

    worth = [piece for piece in pieces if worse_part(piece) < whole]
    return sorted(worth, key=lambda piece: (worse_part(piece), -piece.score))


def _taken(tree: Tree, path: str, place: Place, pieces: Sequence[Piece]) -> str:
    """Take out the first piece that can be; says what became of the function."""
    for piece in pieces[:_MOST_TRIES]:
        text = extracted(tree, path, place.source, piece)
        if text is None or loses_names(tree, path, place.source, text):
            continue
        tree.write(path, text)
        before, after = (
            complexity(place.function),
            complexity(_find(tree, path, place.name).function),
        )
        return f"{path}: {piece.name}() taken out of {place.name}: complexity {before} → {after}"
    raise DoesNotApply(f"no piece of {place.name} can be moved into a function of its own")


def _exact(place: Place, target: Target) -> Piece | None:
    """The statements on the lines that the analysis names, or on the target's own ones."""
    first, last = (target.data.get(key, getattr(target, key)) for key in ("start", "end"))
    every = pieces_of(place.function, place.source, Limits(1, 1), unnamed=True)
    every += tails_of(place.function, place.source)
    return next((piece for piece in every if (piece.first, piece.last) == (first, last)), None)


def _find(tree: Tree, path: str, name: str) -> Place:
    source = tree.read(path)
    module: ast.Module = parsed(source)
    function: Function | None = dict(functions_of(module)).get(name)
    if function is None:
        raise DoesNotApply(f"there is no function {name} in {path}")
    return Place(source, name, function)
