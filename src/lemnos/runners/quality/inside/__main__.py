"""`python -I -m lemnos.runners.quality.inside COMMAND`: one answer for one request."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Command = Callable[[Path, Mapping[str, Any]], Any]


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)  # whatever else prints does not get into the answer
        found = _command(sys.argv[1])(Path.cwd().resolve(), request)
        json.dump(found, answer)


def _command(name: str) -> Command:
    """Each is imported only where it is needed: a parser costs more than most checks."""
    if name == "syntax":
        from lemnos.runners.quality.inside.syntax import run_syntax

        return run_syntax
    if name == "interface":
        from lemnos.runners.quality.inside.interface import run_interface

        return run_interface
    if name == "tests":
        from lemnos.runners.quality.inside.tests import run_tests

        return run_tests
    raise SystemExit(f"there is no command {name}")


if __name__ == "__main__":
    main()
