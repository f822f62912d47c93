"""Rankings and hotspots: measured here or by a server, and shown to people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemnos.cli.errors import WrongUsage
from lemnos.cli.output import table, visible

if TYPE_CHECKING:
    from lemnos.domains.analytics.measuring import Measurer
    from lemnos.domains.analytics.ports import Opened

_TENANT = "cli"
_DIGITS = 10  # of a commit


def folder_of(path: str) -> Path:
    """The folder that was named. Raises ``WrongUsage``."""
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise WrongUsage(f"{path!r} is not a folder.", code="no_repository")
    return folder


def rankings_here(folder: Path, strategy: str, limit: int, days: int) -> dict[str, Any]:
    """Measured on this machine; the answer as the API has it."""
    from lemnos.domains.analytics.model import Strategy
    from lemnos.domains.analytics.plain import plain_rankings

    async def work(measurer: Measurer, opened: Opened) -> dict[str, Any]:
        chosen = Strategy(strategy)
        found = await measurer.rankings(_TENANT, opened, strategy=chosen, limit=limit, days=days)
        return plain_rankings(found)

    return _alone(folder, work)


def hotspots_here(folder: Path, limit: int, days: int) -> dict[str, Any]:
    """Measured on this machine; the answer as the API has it."""
    from lemnos.domains.analytics.plain import plain_hotspots

    async def work(measurer: Measurer, opened: Opened) -> dict[str, Any]:
        return plain_hotspots(await measurer.hotspots(_TENANT, opened, limit=limit, days=days))

    return _alone(folder, work)


def _alone(
    folder: Path, work: Callable[[Measurer, Opened], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    from lemnos.main.analytics import opened_alone

    async def run() -> dict[str, Any]:
        async with opened_alone(folder) as (measurer, opened):
            return await work(measurer, opened)

    return asyncio.run(run())


def print_rankings(to: Any, found: Mapping[str, Any]) -> None:
    """One row a file: its measures, and what each adds to the score."""
    terms = [name for name in _TERMS if any(name in one["terms"] for one in found["rankings"])]
    rows = [
        [place, one["path"], f"{one['score']:.2f}", *(_term(one, name) for name in terms)]
        for place, one in enumerate(found["rankings"], 1)
    ]
    columns = ("#", "file", ">score", *(_TERMS[name][0] for name in terms))
    title = f"{found['strategy']} at {found['commit'][:_DIGITS]}, {found['days']} days"
    to.print(table(title, columns, rows))
    _print_warnings(to, found)


def print_hotspots(to: Any, found: Mapping[str, Any]) -> None:
    """One row a file: how often, how complicated, who knows it and what changes with it."""
    columns = ("file", ">score", ">revs", ">cplx", "knows it", "goes with")
    title = f"{found['commits']} commits of {found['days']} days, to {found['commit'][:_DIGITS]}"
    to.print(table(title, columns, map(_hotspot, found["hotspots"])))
    _print_warnings(to, found)


def _print_warnings(to: Any, found: Mapping[str, Any]) -> None:
    for warning in found["warnings"]:
        to.print(visible(f"Note: {warning}"), style="yellow", soft_wrap=True)


def _term(one: Mapping[str, Any], name: str) -> str | None:
    """``45% +.11``: what was measured, and what it adds."""
    if name not in one["terms"]:
        return None
    added = f"{one['terms'][name]:.2f}"
    return f"{_TERMS[name][1](one['metrics'])} +{added.removeprefix('0')}"


def _covered(metrics: Mapping[str, Any]) -> str:
    assumed = metrics["assumed_coverage"]
    if metrics["coverage"] is not None:
        return f"{metrics['coverage']:.0%}"
    return "no lines" if assumed is None else f"~{assumed:.0%}"


def _uncovered(metrics: Mapping[str, Any]) -> str:
    if metrics["covered_lines"] is None:
        return f"~{round(metrics['lines'] * (1 - metrics['assumed_coverage']))}"
    return str(metrics["coverable_lines"] - metrics["covered_lines"])


# What a term is made from, in the order of the columns: its title, and how the measure is told.
_TERMS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "coverage_gap": (">gap", _covered),
    "uncovered_share": (">open", _covered),
    "uncovered_lines": (">uncovered", _uncovered),
    "churn": (">churn", lambda metrics: str(metrics["churn"])),
    "complexity": (">complex", lambda metrics: str(metrics["complexity"])),
}


def _hotspot(one: Mapping[str, Any]) -> list[object]:
    owners, coupled = one["owners"], one["coupling"]
    knows = f"{owners[0]['share']:.0%} {owners[0]['name']}" if owners else None
    others = one["authors"] - 1
    return [
        one["path"],
        f"{one['score']:.2f}",
        one["metrics"]["revisions"],
        one["metrics"]["complexity"],
        f"{knows}, {others} more" if others > 0 else knows,
        ", ".join(f"{each['degree']:.0%} {each['path']}" for each in coupled[:2]) or None,
    ]


def place_of(entry: str, found: Mapping[str, Any]) -> str:
    """The path that ``--refactor`` means: a place in the rankings, or a path as it is."""
    if not entry.isdigit():
        return entry
    ranked = found["rankings"]
    if not 1 <= int(entry) <= len(ranked):
        raise WrongUsage(f"The rankings have {len(ranked)} entries, and no number {entry}.")
    return str(ranked[int(entry) - 1]["path"])
