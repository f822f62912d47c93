"""Which gates run: what the request names, else what the project configures, else all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from lemnos.domains.quality.model import GateRequest
from lemnos.kernel.errors import Invalid
from lemnos.runners.gates.project import Project

DRIFT = "drift"  # runs when asked for, as it is about the machine as much as about the project

_PROFILES = "profiles"


@dataclass(frozen=True, slots=True)
class Selection:
    """The gates to run, in order, and those whose failure does not block."""

    gates: tuple[str, ...]
    optional: frozenset[str]


def select(project: Project, request: GateRequest, known: Collection[str]) -> Selection:
    """Choose. Raises ``Invalid``, naming the known ones, for a gate or profile that is not known.

    ``[gates] run``, ``optional`` and ``skip`` are lists; ``[gates.profiles.<name>]`` may have the
    same three, and ``[gates.<gate>] optional`` is a truth value.
    """
    settings = project.settings
    tables = (name for name, value in settings.items() if isinstance(value, Mapping))
    _demand_known((name for name in tables if name != _PROFILES), known)
    profile = _profile(settings, request.profile) if request.profile else {}
    run = request.gates or _names(profile, "run") or _names(settings, "run")
    named = tuple(run) if run else tuple(gate for gate in known if gate != DRIFT)
    if request.drift_check and DRIFT in known:
        named = (*named, DRIFT)
    skipped = () if request.gates else (*_names(settings, "skip"), *_names(profile, "skip"))
    optional = {*_names(settings, "optional"), *_names(profile, "optional")}
    _demand_known((*named, *skipped, *optional), known)
    optional |= {gate for gate in known if project.options(gate).get("optional") is True}
    chosen = {gate for gate in named if gate not in skipped}
    return Selection(tuple(gate for gate in known if gate in chosen), frozenset(optional))


def _profile(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    profiles = settings.get(_PROFILES)
    profiles = profiles if isinstance(profiles, Mapping) else {}
    found = profiles.get(name)
    if isinstance(found, Mapping):
        return found
    there = ", ".join(map(str, profiles)) or "none"
    message = f"The project has no profile {name!r}. It has: {there}."
    raise Invalid(message, code="unknown_profile", fields={"profile": message})


def _names(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = table.get(key, ())
    if not isinstance(found, list | tuple) or not all(isinstance(name, str) for name in found):
        raise Invalid(f"gates.{key} is to be a list of names of gates.", code="gates_config")
    return tuple(found)


def _demand_known(named: Iterable[str], known: Collection[str]) -> None:
    for gate in named:
        if gate not in known:
            _unknown(gate, known)


def _unknown(gate: str, known: Iterable[str]) -> NoReturn:
    message = f"There is no gate {gate!r}. Known are: {', '.join(known)}."
    raise Invalid(message, code="unknown_gate", fields={"gates": message})
