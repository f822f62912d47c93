"""What could be improved in one file, with what a tool needs to do it. One module for each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from lemnos.domains.analysis.facts import Finding
from lemnos.runners.analysis.findings import classes, complexity, hints, names, repetition
from lemnos.runners.analysis.parsed import Parsed

_MOST = 50  # of one type in one file: more would be about the file, not about a place in it

_FINDERS: tuple[Callable[[Parsed], Iterator[Finding]], ...] = (
    complexity.find,
    repetition.find,
    names.find,
    hints.find,
    classes.find,
)


def found_in(parsed: Parsed) -> tuple[Finding, ...]:
    """Everything that is found, in the order of the finders."""
    counted = Counter[str]()
    found = []
    for finder in _FINDERS:
        for each in finder(parsed):
            counted[each.type] += 1
            if counted[each.type] <= _MOST:
                found.append(each)
    return tuple(found)
