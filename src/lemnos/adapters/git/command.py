"""git commands as calls: arguments in, standard output out, failures as ``LemnosError``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lemnos.adapters.git.config import Settings, environment
from lemnos.adapters.git.errors import git_error
from lemnos.adapters.git.jail import Jail
from lemnos.adapters.git.process import Command, Output, ProcessRunner, Sink
from lemnos.kernel.errors import TooLarge, Unavailable

_LIMIT = 256 << 20  # bytes of output that are held in memory, file lists above all


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that one git process may take: on the network, and on the local disk."""

    network: float = 1800.0
    local: float = 600.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works: a git directory of ours and, for some, the agent's work tree.

    ``readonly`` are the object stores that the git directory borrows from.
    """

    git_dir: Path
    work_tree: Path | None = None
    readonly: tuple[Path, ...] = ()


class GitCommands:
    """Runs git with our configuration only; in the jail whenever it touches a work tree."""

    def __init__(self, runner: ProcessRunner, jail: Jail, timeouts: Timeouts) -> None:
        self._runner = runner
        self._jail = jail
        self._timeouts = timeouts
        self._version: tuple[int, ...] = ()

    async def require_version(self, least: tuple[int, ...]) -> None:
        """Raise ``Unavailable`` when the installed git is older."""
        if not self._version:
            command = Command(("git", "--version"), environment(), Path("/"))
            output = await self._runner.run(command, timeout=self._timeouts.local, limit=1000)
            self._version = tuple(int(part) for part in re.findall(rb"\d+", output.stdout)[:2])
        if self._version < least:
            needed = ".".join(map(str, least))
            raise Unavailable(f"git {needed} or newer is needed.", code="git_too_old")

    async def run(
        self,
        *args: str,
        at: Place,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> bytes:
        """Run a command on the local disk; a failure raises what git's words mean."""
        output = await self.attempt(*args, at=at, stdin=stdin, extra=extra, held=held)
        return _checked(output)

    async def attempt(
        self,
        *args: str,
        at: Place,
        stdin: bytes = b"",
        extra: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
        limit: int = _LIMIT,
        sink: Sink | None = None,
    ) -> Output:
        """Like :meth:`run`, for callers that judge the exit code or a cut output themselves.

        A ``sink`` takes standard output as it comes; none of it is held then.
        """
        argv: Sequence[str] = ("git", *args)
        if at.work_tree is not None:
            argv = await self._jail.wrap(
                argv, writable=(at.git_dir, at.work_tree), readonly=at.readonly
            )
        env = environment(git_dir=at.git_dir, work_tree=at.work_tree, extra=extra)
        command = Command(argv, env, at.work_tree or at.git_dir, stdin, held)
        return await self._runner.run(command, timeout=self._timeouts.local, limit=limit, sink=sink)

    async def network(
        self,
        *args: str,
        cwd: Path,
        git_dir: Path | None = None,
        settings: Settings = (),
        extra: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> Output:
        """Run a command that talks to a remote; ``extra`` may hold the credential."""
        env = environment(settings, git_dir=git_dir, extra=extra)
        command = Command(("git", *args), env, cwd, held=held)
        return await self._runner.run(command, timeout=self._timeouts.network, limit=_LIMIT)


def _checked(output: Output) -> bytes:
    if output.cut:
        raise TooLarge("git's answer is too large: too many files.", code="too_many_files")
    if output.code != 0:
        raise git_error(output.stderr)
    return output.stdout
