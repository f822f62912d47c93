"""How the demonstration speaks: headings, commands, answers; and it checks what it shows."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import lemnos
from lemnos.cli.demo.stage import Stage, Tests
from lemnos.cli.errors import CommandError
from lemnos.cli.output import console, print_diff, visible

if TYPE_CHECKING:
    from rich.console import Console

    from lemnos.cli.discovery import Server

_DIFF_LINES = 150


class Teller:
    """Tells people what happens; ``facts`` is the same for scripts, who hear nothing else."""

    def __init__(self, stage: Stage, as_json: bool) -> None:
        self.quiet = as_json
        self.to = console()
        self._stage = stage
        self._step = 0
        self._begun = time.monotonic()
        self.facts: dict[str, Any] = {"folder": str(stage.folder), "version": lemnos.__version__}

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return round(time.monotonic() - self._begun, 1)

    def show(self, print_to: Callable[[Console], None]) -> None:
        """Let something print itself."""
        if not self.quiet:
            print_to(self.to)

    def heading(self, text: str) -> None:
        """The next step begins."""
        self._step += 1
        self.show(lambda to: to.print())
        self.show(lambda to: to.rule(f" {self._step}  {text} ", align="left", style="cyan"))

    def say(self, text: str, style: str | None = None) -> None:
        """Something for people."""
        self.show(lambda to: to.print(visible(text), style=style, soft_wrap=True))

    def command(self, text: str) -> None:
        """What somebody would type for what follows."""
        self.show(lambda to: to.print(f"$ {visible(text)}", style="bold", soft_wrap=True))

    def answer(self, content: Mapping[str, Any]) -> None:
        """What the server has answered."""
        self.show(lambda to: to.print(json.dumps(content), style="green", soft_wrap=True))

    def curl(
        self,
        server: Server,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        flags: str = "",
    ) -> None:
        """The request that is about to be made, as somebody would type it."""
        how = "" if method == "GET" else f"-X {method} "
        lines = [f"curl {flags}{how}{server.url}{path}", '-H "Authorization: Bearer $KEY"']
        if body is not None:
            lines.append('-H "Content-Type: application/json"')
            lines.append(f"-d {shlex.quote(json.dumps(body))}")
        self.command(" \\\n    ".join(lines))

    def tests(self, tests: Tests) -> None:
        """How the repository's tests ended."""
        lines = tests.said.strip().splitlines()
        chosen = [line for line in lines if line.startswith(("FAIL", "ERROR", "Ran", "OK"))]
        names = [line for line in lines if line.startswith("NameError")]
        for line in dict.fromkeys([*names, *chosen]):
            self.say(f"  {line}", "green" if tests.passed else "red")

    def diff(self, text: str) -> None:
        """A change."""

        def show(to: Console) -> None:
            if left_out := print_diff(to, text, _DIFF_LINES):
                to.print(f"… {left_out} more lines", style="dim")

        self.show(show)

    def demand(self, holds: bool, problem: str) -> None:
        """Raise ``CommandError`` unless something is as it should be."""
        if not holds:
            raise CommandError(
                problem, code="demo_failed", hint=f"Everything is in {self._stage.folder}."
            )
