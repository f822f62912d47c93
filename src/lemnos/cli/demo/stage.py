"""What the demonstration plays on: a folder of its own, a repository with defects, plain git."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemnos.cli.errors import CommandError, WrongUsage
from lemnos.runners.builtin.sample import write_sample

_MARK = ".lemnos-demo"
_FOREIGN = re.compile(r"(LEMNOS|ANTHROPIC|OPENAI|CLAUDE|CODEX|GIT|OTEL)_")
_AUTHOR = {"NAME": "Lemnos demo", "EMAIL": "demo@lemnos.invalid"}


@dataclass(frozen=True, slots=True)
class Tests:
    """One run of the repository's tests."""

    passed: bool
    said: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The folders of a demonstration, all under one."""

    folder: Path

    @property
    def data(self) -> Path:
        """The server's data folder."""
        return self.folder / "data"

    @property
    def work(self) -> Path:
        """The repository as its developers have it."""
        return self.folder / "order-desk"

    @property
    def remote(self) -> Path:
        """The bare repository that stands for a git host."""
        return self.folder / "order-desk.git"

    @property
    def review(self) -> Path:
        """A fresh clone of the branch that Lemnos has pushed."""
        return self.folder / "review"

    def write_repository(self) -> list[str]:
        """Make the repository and its remote; its files."""
        files = write_sample(self.work)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work))
        self.git("-C", str(self.work), "add", "--all")
        self.git("-C", str(self.work), "commit", "--quiet", "--message=Order desk")
        self.git("clone", "--quiet", "--bare", str(self.work), str(self.remote))
        return files

    def clone_branch(self, branch: str) -> None:
        """Clone what was pushed, as a reviewer would."""
        self.git("clone", "--quiet", f"--branch={branch}", "--", str(self.remote), str(self.review))

    def git(self, *arguments: str) -> str:
        """Run git, with none of the user's own configuration; what it printed."""
        config = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        people = {
            f"GIT_{who}_{what}": value
            for who in ("AUTHOR", "COMMITTER")
            for what, value in _AUTHOR.items()
        }
        return _run(["git", *arguments], clean_environment() | config | people).stdout

    def lemnos(self, *arguments: str) -> dict[str, Any]:
        """Run another ``lemnos`` command on the data folder; its JSON."""
        command = [sys.executable, "-m", "lemnos.cli", *arguments]
        done = _run([*command, "--data", str(self.data), "--json"], clean_environment())
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def guard_rails(self, folder: Path, *options: str) -> tuple[int, str]:
        """Run ``lemnos guard-rails`` on a folder, without a server; exit code and words."""
        command = [sys.executable, "-m", "lemnos.cli", "guard-rails", str(folder), *options]
        done = subprocess.run(
            [*command, "--data", str(self.data)],
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def run_tests(self, folder: Path) -> Tests:
        """Run the repository's tests with this Python's standard library."""
        env = clean_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "unittest"]
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        return Tests(done.returncode == 0, done.stderr)


def make_stage(given: str | None) -> Stage:
    """A fresh folder: the one that was named, ``.lemnos/demo`` here, or a temporary one.

    What an earlier demonstration has left there is removed, and nothing else ever is.
    """
    folder = Path(given or Path(".lemnos") / "demo").expanduser().absolute()
    if given is None and not os.access(Path.cwd(), os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="lemnos-demo-"))
    if folder.exists() and any(folder.iterdir()):
        if not (folder / _MARK).is_file():
            raise WrongUsage(
                f"{folder} holds something else than an earlier demonstration.", code="not_empty"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text("Made by `lemnos demo`; a new demonstration replaces it.\n")
    return Stage(folder)


def clean_environment() -> dict[str, str]:
    """Our environment without settings and credentials of Lemnos, models and git."""
    return {name: value for name, value in os.environ.items() if not _FOREIGN.match(name)}


def _run(command: list[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=True
        )
    except FileNotFoundError as error:
        raise CommandError(f"{command[0]} is not installed.", code="not_installed") from error
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{' '.join(command[:2])} failed: {error.stderr.strip()}") from error
