"""Running a command inside this process, as the shell would."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from lemnos.cli import main
from tests.support.shell import Ran


@pytest.fixture
def lemnos(monkeypatch, capsys, tmp_path) -> Callable[..., Ran]:
    """``lemnos("keys", "list")``, with an environment of its own and the data folder ``data``."""
    for name in list(os.environ):
        if name.startswith(("LEMNOS_", "ANTHROPIC_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEMNOS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["lemnos", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run
