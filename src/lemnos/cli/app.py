"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

import lemnos
from lemnos.cli.commands import (
    agents,
    analyze,
    api_keys,
    audit,
    cleanup,
    config,
    demo,
    doctor,
    git_keys,
    guard_rails,
    mcp,
    metrics,
    migrate,
    openapi,
    rankings,
    refactor,
    route,
    routed_tasks,
    run,
    serve,
    tasks,
    webhooks,
    workspaces,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Lemnos carries a software change from prompt to production.",
)

app.command("serve")(serve.serve)
app.command("run")(run.run)
app.command("demo")(demo.demo)
app.command("guard-rails")(guard_rails.guard_rails)
app.command("cleanup")(cleanup.cleanup)
app.command("rankings")(rankings.rankings)
app.command("hotspots")(rankings.hotspots)
app.command("route")(route.route)
app.command("analyze")(analyze.analyze)
app.command("refactor")(refactor.refactor)
app.command("metrics")(metrics.metrics)
tasks.app.add_typer(routed_tasks.app)  # nameless: its commands become those of `lemnos tasks`
app.add_typer(tasks.app, name="tasks")
app.add_typer(agents.app, name="agents")
app.add_typer(analyze.app, name="analyses")
app.add_typer(refactor.app, name="refactorings")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(workspaces.app, name="workspaces")
app.add_typer(mcp.app, name="mcp")
app.add_typer(git_keys.app, name="git-keys")
app.add_typer(api_keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(config.app, name="config")
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.command("openapi")(openapi.openapi)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lemnos {lemnos.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Options of all commands."""
