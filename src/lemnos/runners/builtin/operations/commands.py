"""Shell commands that a prompt spells out, each on a line of its own: `run: COMMAND`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lemnos.runners.builtin.operations.base import Applied, Finding, Work
from lemnos.runners.builtin.shell import run_shell

RUN_LINE = re.compile(r"^\s*run:\s*(?P<command>\S.*?)\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class RunCommand:
    """One command, in the workspace; its failure is the run's failure."""

    command: str
    risky: bool = False  # what was asked for word by word is not second-guessed

    @property
    def name(self) -> str:
        return f"run `{self.command}`"

    def detect(self, work: Work) -> Sequence[Finding]:
        return [Finding("", 0, f"to run: {self.command}")]

    def apply(self, work: Work) -> Applied:
        call = work.emitter.tool_use("run", {"command": self.command})
        ended = run_shell(self.command, work.tree.root)
        work.emitter.tool_result(call, "run", ended.text, is_error=ended.failed)
        if ended.failed:
            return Applied(failed=f"`{self.command}` {ended.how}: {ended.output.strip()[-300:]}")
        return Applied(done=[f"ran `{self.command}`"])


def read(prompt: str) -> Sequence[RunCommand]:
    return [RunCommand(match["command"]) for match in RUN_LINE.finditer(prompt)]
