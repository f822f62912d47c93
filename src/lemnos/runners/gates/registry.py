"""The checkers that are installed: those of Lemnos and of whoever registers an entry point."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from lemnos.domains.quality.model import ORDER
from lemnos.runners.gates.plugin import ENTRY_POINT, AnyChecker, Family
from lemnos.runners.gates.project import Project

_log = logging.getLogger(__name__)
_COMMON = ("gate", "tool", "writes", "cached", "applies")
_NATIVE = (*_COMMON, "judge")
_CHECKER = (*_COMMON, "program", "missing", "command", "read", "fixes")


@dataclass(frozen=True, slots=True)
class Unloadable:
    """An entry point that gives no checker: the gate of its name has crashed, and ``why``."""

    gate: str
    why: str


@dataclass(frozen=True, slots=True)
class Registry:
    """All checkers, in the order of their entry points' names."""

    checkers: tuple[AnyChecker, ...] = ()
    families: tuple[Family, ...] = ()
    unloadable: tuple[Unloadable, ...] = ()

    def of(self, project: Project) -> dict[str, tuple[AnyChecker, ...]]:
        """The checkers of each gate that a project can have, in the order of ``ORDER``.

        Those that the project declares itself take the place of others of the same gate.
        """
        own = _by_gate(checker for family in self.families for checker in family.of(project))
        found = _by_gate(self.checkers) | own
        names = [*ORDER, *sorted(name for name in found if name not in ORDER and name not in own)]
        names += [name for name in own if name not in names]
        return {name: found.get(name, ()) for name in names}


@cache
def load() -> Registry:
    """Load every entry point of the group, once. What can't be loaded is told in its place."""
    return made_of(sorted(entry_points(group=ENTRY_POINT), key=lambda point: point.name))


def made_of(points: Sequence[EntryPoint]) -> Registry:
    """The registry of some entry points."""
    checkers, families, unloadable = list[AnyChecker](), list[Family](), list[Unloadable]()
    for point in points:
        try:
            made = point.load()()
            kind = families if _is_family(made) else checkers
            kind.append(_checked(made))
        except Exception as error:  # someone else's code may raise anything
            _log.warning("The gate %s can't be loaded.", point.name, exc_info=True)
            unloadable.append(Unloadable(point.name, f"{type(error).__name__}: {error}"))
    return Registry(tuple(checkers), tuple(families), tuple(unloadable))


def _is_family(made: Any) -> bool:
    return callable(getattr(made, "of", None)) and not hasattr(made, "gate")


def _checked(made: Any) -> Any:
    """Raises TypeError for what is neither a checker nor a family of them."""
    native = callable(getattr(made, "judge", None))
    needed = ("judge",) if native else ("program", "missing", "command", "read", "fixes")
    for name in (
        () if _is_family(made) else ("gate", "tool", "writes", "cached", "applies", *needed)
    ):
        if not hasattr(made, name):
            raise TypeError(f"{type(made).__name__} is no checker: it has no {name}")
    return made


def _by_gate(checkers: Iterable[AnyChecker]) -> dict[str, tuple[AnyChecker, ...]]:
    found = dict[str, tuple[AnyChecker, ...]]()
    for checker in checkers:
        found[checker.gate] = (*found.get(checker.gate, ()), checker)
    return found
