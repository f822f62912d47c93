"""Typing `lemnos` commands as a user does, and a repository to type them about."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemnos.runners.builtin.sample import write_sample

PATIENCE = 60.0  # seconds
_DROPPED = ("LEMNOS_", "ANTHROPIC_", "OPENAI_")


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Types commands, with one data folder."""

    def __init__(self, data: Path, cwd: Path) -> None:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(_DROPPED)}
        self.env = kept | {"LEMNOS_DATA": str(data)}
        self.cwd = cwd

    def __call__(self, *arguments: str, input: str = "", **env: str) -> Ran:
        done = subprocess.run(
            _command(*arguments),
            cwd=self.cwd,
            env=self.env | env,
            input=input,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            _command(*arguments),
            cwd=self.cwd,
            env=self.env | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lemnos.cli", *arguments]


def sample_repository(folder: Path) -> Path:
    """The built-in agent's sample, committed."""
    write_sample(folder)
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    return folder
