"""Confining what agents run. :func:`choose_sandbox` picks the strongest way that works here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from lemnos.kernel.errors import Unavailable
from lemnos.runners.sandbox.bubblewrap import BubblewrapSandbox, why_not
from lemnos.runners.sandbox.cgroup import delegated
from lemnos.runners.sandbox.plain import PlainSandbox, end_leftover
from lemnos.runners.sandbox.port import GATEWAY_PORT, Breach, Launch, Sandbox, Sandboxed
from lemnos.runners.sandbox.watchdog import Watchdog

__all__ = [
    "GATEWAY_PORT",
    "Breach",
    "Launch",
    "Sandbox",
    "SandboxMode",
    "Sandboxed",
    "choose_sandbox",
    "end_leftover",
]

SandboxMode = Literal["required", "auto", "off"]


def choose_sandbox(mode: SandboxMode = "auto", hidden: tuple[Path, ...] = ()) -> Sandbox:
    """The sandbox for this server; called once at start, as it tries bubblewrap out.

    ``hidden`` are folders of which agents see no more than what their runs name.

    Raises Unavailable when the mode is ``required`` and bubblewrap does not work here.
    """
    watchdog, cgroups = Watchdog(), delegated()
    if mode == "off":
        return PlainSandbox(watchdog, cgroups, "the operator switched the sandbox off")
    problem = why_not()
    if not problem:
        return BubblewrapSandbox(watchdog, cgroups, hidden=hidden)
    if mode == "required":
        raise Unavailable(f"The sandbox is required, and {problem}", code="sandbox_unavailable")
    return PlainSandbox(watchdog, cgroups, problem)
