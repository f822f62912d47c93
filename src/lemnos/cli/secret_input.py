"""Secrets as commands take them: never as an argument, where every process could read them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from lemnos.cli.errors import WrongUsage


def read_secret(what: str, variable: str = "") -> str:
    """From the environment variable that was named, a prompt without echo, or a pipe."""
    if variable:
        return from_variable(variable)
    if sys.stdin.isatty():
        import getpass

        text = getpass.getpass(f"{what}: ", stream=sys.stderr)
    else:
        text = sys.stdin.readline()
    if not text.strip():
        raise WrongUsage(f"No {what} was given.", code="no_secret")
    return text.strip()


def from_variable(name: str) -> str:
    """The value of an environment variable, which must be set."""
    value = os.environ.get(name, "")
    if not value:
        raise WrongUsage(f"The environment variable {name} is not set.", code="no_secret")
    return value


def pairs(given: Iterable[str], option: str) -> dict[str, str]:
    """``NAME=VALUE``, or ``NAME`` alone for the value that the environment has."""
    found = {}
    for text in given:
        name, has_value, value = text.partition("=")
        if not name:
            raise WrongUsage(f"{option} takes NAME=VALUE or NAME, not {text!r}.")
        found[name] = value if has_value else from_variable(name)
    return found
