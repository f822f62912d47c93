"""``lemnos openapi``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lemnos.cli.output import print_json


def openapi(
    yaml: Annotated[bool, typer.Option("--yaml", help="YAML instead of JSON.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON, which is the default.")] = False,
) -> None:
    """Print the OpenAPI description of all operations; no server has to run."""
    from lemnos.api.app import make_app
    from lemnos.cli.errors import WrongUsage

    if yaml and as_json:
        raise WrongUsage("Give --yaml or --json, not both.")
    description = make_app(None).openapi()
    if not yaml:
        print_json(description)
        return
    from yaml import safe_dump

    sys.stdout.write(safe_dump(description, sort_keys=False))
