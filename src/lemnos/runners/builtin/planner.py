"""Which operations a prompt asks for: a few honest rules, no guessing."""

from __future__ import annotations

from collections.abc import Sequence

from lemnos.runners.builtin.operations import (
    commands,
    deadcode,
    extract,
    files,
    lint,
    rename,
    repair,
    rewrite,
    whitespace,
)
from lemnos.runners.builtin.operations.base import Operation, Reader

# The order in which selected operations are carried out: what was asked for word by word first,
# then repairs, then clean-ups, formatting last, so that it also tidies what the others wrote.
READERS: Sequence[Reader] = (
    files.read,
    rewrite.read,
    rename.read,
    repair.read,
    lint.read,
    deadcode.read,
    extract.read,
    whitespace.read,
    lint.read_formatting,
    commands.read,
)


def selected_by(prompt: str) -> list[Operation]:
    """The operations that a prompt asks for, in the order in which to carry them out.

    Raises BadInstruction where a prompt names an operation but not what it needs to know.
    """
    return [operation for read in READERS for operation in read(prompt)]
