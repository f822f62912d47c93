"""A file as the analysers have read it, for those who look for what could be better."""

from __future__ import annotations

from dataclasses import dataclass

from lemnos.runners.analysis.structure import Captures, Shape
from lemnos.runners.analysis.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Function:
    """One function as it was measured; lines count from 1 and include both ends."""

    name: str
    start: int
    end: int
    cyclomatic: int
    cognitive: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """Captures, functions and classes, and tokens of one file."""

    language: str
    text: str
    captures: Captures
    shape: Shape
    tokens: Tokens
    functions: tuple[Function, ...]  # in the order of ``shape.functions``
    documented: float | None  # share of what should be
