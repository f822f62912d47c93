"""``lemnos demo``."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from lemnos.cli.output import Output
from lemnos.cli.session import AsJson


def demo(
    folder: Annotated[
        str | None, typer.Option(help="Where to do it. [.lemnos/demo]", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """See it work: a repository with defects, from the prompt to tests that pass.

    Takes under a minute and needs neither a key nor a network. Nothing runs on afterwards.
    """
    from lemnos.cli.demo.stage import make_stage
    from lemnos.cli.demo.story import Story

    story = Story(make_stage(folder), as_json)
    story.tell()
    facts = story.facts
    Output(as_json).give(facts, lambda to: _print_where_next(to, facts))


def _print_where_next(to: Any, facts: dict[str, Any]) -> None:
    to.print()
    to.rule(f" Done in {facts['seconds']} s. Where to look next ", align="left", style="cyan")
    lemnos = _command()
    lines = (
        ("What was made here", facts["folder"]),
        ("Your own repository", f'{lemnos} run "…" --repo PATH-OR-URL'),
        ("With Claude Code", f'ANTHROPIC_API_KEY=… {lemnos} run "…" --repo PATH-OR-URL --pr'),
        ("Gates for your CI", f"{lemnos} guard-rails"),
        ("A server that stays", f"{lemnos} serve   # API docs at http://127.0.0.1:8000/api/docs"),
        ("What works here", f"{lemnos} doctor"),
        ("Documentation", "README.md, docs/getting-started.md"),
    )
    for name, text in lines:
        to.print(f"  {name:<22}{text}", soft_wrap=True)


def _command() -> str:
    """How to call this program from here: by its name only where the shell would find it."""
    mine = Path(sys.executable).with_name("lemnos")
    found = shutil.which("lemnos")
    if found and Path(found).resolve() == mine.resolve():
        return "lemnos"
    with contextlib.suppress(ValueError):
        return shlex.quote(str(mine.relative_to(Path.cwd())))
    return shlex.quote(str(mine))
