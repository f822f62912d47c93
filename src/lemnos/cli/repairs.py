"""Gates of a task on the command line: asked for, and what they said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lemnos.cli.output import visible

if TYPE_CHECKING:
    from rich.console import Console

Gates = Annotated[
    bool, typer.Option("--gates", help="Let the project's gates judge the work before it ends.")
]
Profile = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="Those of a profile in lemnos.toml.")
]
Repairs = Annotated[
    int | None,
    typer.Option(min=0, max=10, help="How often the agent may mend what they find. [2]"),
]
RepairBudget = Annotated[
    float | None, typer.Option(min=0, help="US dollars that all repairs may cost together.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="What the repository had before blocks, too.")
]

_MARKS = {"passed": ("✓", "green"), "not_applicable": ("·", "dim"), "not_run": ("·", "dim")}


def gates_asked(
    gates: bool,
    profile: str = "",
    repairs: int | None = None,
    budget: float | None = None,
    strict: bool = False,
) -> dict[str, Any]:
    """``gates`` of the body of a task; empty where none of the options was given."""
    options: dict[str, Any] = {"profile": profile, "attempts": repairs, "budget_usd": budget}
    given = {name: value for name, value in options.items() if value not in (None, "")}
    if strict:
        given["strict"] = True
    return {"gates": given or True} if gates or given else {}


def print_gates(to: Console, said: Mapping[str, Any] | None) -> None:
    """A line for each gate, what was mended, and what a person should look at all the same."""
    if said is None:
        return
    for gate in said["gates"]:
        mark, style = _MARKS.get(gate["verdict"], ("✗", "red"))
        verdict = "" if gate["verdict"] in _MARKS else f" ({gate['verdict'].replace('_', ' ')})"
        line = f"{mark} {gate['name']}{verdict}  {gate['message']}"
        to.print(visible(line), style=style, soft_wrap=True)
    if said["repairs"]:
        cost = "" if said["spent_usd"] is None else f", ${said['spent_usd']:.4f}"
        to.print(f"sent back {said['repairs']} times{cost}", style="dim")
    for place in said["weakened"]:
        to.print(visible(f"! {place}"), style="yellow", soft_wrap=True)
