"""The built-in agent as a child process, the way its runtime starts it but for the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemnos.runners.builtin.protocol import Request

COMMAND = [sys.executable, "-I", "-m", "lemnos.runners.builtin"]


@dataclass(frozen=True)
class Ran:
    """What the agent wrote, event by event."""

    events: list[dict[str, Any]]
    exit_code: int
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        assert self.events[-1]["type"] == "result", (self.events, self.stderr)
        return self.events[-1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


def run_agent(workspace: Path, prompt: str, home: Path | None = None, **options: Any) -> Ran:
    """Run it to its end."""
    sessions = (home or workspace.parent / "home") / "sessions"
    request = Request(prompt, str(sessions), **options)
    ended = subprocess.run(
        COMMAND,
        input=request.encode(),
        cwd=workspace,
        capture_output=True,
        timeout=120,
        check=False,
    )
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    return Ran(events, ended.returncode, ended.stderr.decode())


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Write files into a folder, which is made."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    root.mkdir(parents=True, exist_ok=True)
    return root
