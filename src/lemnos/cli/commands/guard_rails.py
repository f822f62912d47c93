"""``lemnos guard-rails``: the gates of a project, as CI, editors and commit hooks want them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lemnos.cli.errors import WrongUsage
from lemnos.cli.output import Output
from lemnos.cli.session import AsJson, Data, Key, Url

_CI, _NARROW, _DEBT, _AT = "Files for CI", "What is judged", "Baseline", "Where it runs"


def guard_rails(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH|FILE",
            help="A folder of a project (else this one), or files of it to narrow the gates to.",
        ),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only this gate; may be repeated.", rich_help_panel=_NARROW
        ),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="A selection that the project names.", rich_help_panel=_NARROW)
    ] = "",
    drift_check: Annotated[
        bool,
        typer.Option(
            "--drift-check",
            help="Compare declared, locked and installed tools, too.",
            rich_help_panel=_NARROW,
        ),
    ] = False,
    changed: Annotated[
        bool,
        typer.Option(
            "--changed", help="Narrow to files that are not committed.", rich_help_panel=_NARROW
        ),
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            metavar="COMMIT", help="Narrow to what differs from it.", rich_help_panel=_NARROW
        ),
    ] = "",
    no_format: Annotated[
        bool, typer.Option("--no-format", help="Judge the format; change no file.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no gate after one that fails.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask each tool again, also where nothing changed.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds that each gate may take.")
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Known findings, which do not block; else what the project configures.",
            rich_help_panel=_DEBT,
        ),
    ] = "",
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            help="Take out what has been fixed; nothing is added.",
            rich_help_panel=_DEBT,
        ),
    ] = False,
    set_baseline: Annotated[
        bool,
        typer.Option("--set-baseline", help="Accept all that is found now.", rich_help_panel=_DEBT),
    ] = False,
    sarif: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write findings as SARIF 2.1.0.", rich_help_panel=_CI),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write gates as JUnit XML.", rich_help_panel=_CI),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell only of what does not pass.")
    ] = False,
    server: Annotated[
        bool,
        typer.Option(
            "--server", help="Let the server do it, not this machine.", rich_help_panel=_AT
        ),
    ] = False,
    url: Url = None,
    api_key: Key = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge a project by its gates: lint, format, types, tests, and what else it has.

    The project's own files decide which tools run; no server is needed.
    A folder stands for the project that it is in: the nearest folder
    with lemnos.toml, pyproject.toml, package.json or .git.
    The format gate mends files unless --no-format is given.

    Exit codes:
    0 all gates pass
    1 a gate has failed: there are new findings
    2 the command or the project's configuration is wrong
    3 a gate has no verdict: its tool is missing, crashed or took too long
    130 interrupted, and every tool ended
    """
    from lemnos.cli.discovery import find_server, local_settings
    from lemnos.cli.gates.files import baseline_to_write, write_reports
    from lemnos.cli.gates.place import place
    from lemnos.cli.gates.telling import print_conclusion, telling
    from lemnos.cli.gates.verdict import exit_code, judging
    from lemnos.domains.quality.model import GateRequest

    where = place(paths or (), changed=changed, since=since)
    if set_baseline and update_baseline:
        raise WrongUsage("--set-baseline and --update-baseline exclude each other.")
    if server and (set_baseline or update_baseline or where.files is not None):
        raise WrongUsage("A server judges whole projects, and writes no baseline: leave --server.")
    request = GateRequest(
        no_format=no_format,
        drift_check=drift_check,
        gates=tuple(gate or ()),
        profile=profile,
        fail_fast=fail_fast,
        baseline=baseline,
        use_cache=not no_cache,
        timeout=timeout,
        changed=where.files,
    )
    with judging(), telling(as_json=as_json, quiet=quiet) as tell:
        if server:
            from lemnos.cli.gates.remote import judge_there

            report = judge_there(find_server(url, api_key, data), where, request, tell)
        else:
            from lemnos.cli.gates.local import judge_here

            kept = baseline_to_write(where, baseline, set_baseline, update_baseline)
            report = judge_here(local_settings(data), where, request, tell, kept)
        write_reports(report, str(where.root), sarif, junit)
    Output(as_json).give(report, lambda to: print_conclusion(to, report))
    if code := exit_code(report):
        raise typer.Exit(code)
