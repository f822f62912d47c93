"""What may be wrong where a test fails, and the edits that might mend it. The tests decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lemnos.runners.builtin.repairs import attributes, imports, names, suspects
from lemnos.runners.builtin.repairs.symbols import Repair, Symbols
from lemnos.runners.builtin.testrun import Failure

Proposer = Callable[[Failure, Symbols], Iterator[Repair]]

# By the error's own words first, by common defects anywhere near last.
PROPOSERS: tuple[Proposer, ...] = (
    imports.missing,
    imports.misspelled,
    names.misspelled,
    attributes.misspelled,
    attributes.misspelled_keyword,
    suspects.near,
)


def proposals(failure: Failure, symbols: Symbols) -> Iterator[Repair]:
    """Possible repairs, the likeliest first."""
    for propose in PROPOSERS:
        yield from propose(failure, symbols)
