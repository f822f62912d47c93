"""Repositories read by object from the mirrors: no work tree, and no file on the disk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

from lemnos.adapters.git.command import GitCommands, Place, Timeouts
from lemnos.adapters.git.errors import branch_not_found, empty_repository, git_error
from lemnos.adapters.git.jail import Jail
from lemnos.adapters.git.mirrors import Mirrors
from lemnos.adapters.git.process import ProcessRunner
from lemnos.adapters.git.reader import ObjectReader
from lemnos.adapters.git.remotes import Remotes
from lemnos.adapters.net import NetGuard
from lemnos.domains.analysis.ports import Churn, Revision
from lemnos.domains.workspaces.ports import Remote
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import Invalid, LemnosError

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LOGGED = 64 << 20  # bytes of a log: some five hundred thousand changes
_CONCURRENCY = 4


class GitObjects(ObjectReader):
    """Implements ``lemnos.domains.analysis.ports.Repositories`` on the mirrors of ``GitCli``."""

    def __init__(
        self, cache_dir: Path, guard: NetGuard, *, timeouts: Timeouts | None = None
    ) -> None:
        cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        cache = cache_dir.resolve()
        self._runner = ProcessRunner(_CONCURRENCY)
        super().__init__(GitCommands(self._runner, Jail(False), timeouts or Timeouts()))
        self._remotes = Remotes(self._git, guard, cache)
        self._mirrors = Mirrors(self._git, cache)

    async def check(self, remote: Remote, branch: str) -> None:
        """Ask the remote alone; see the port."""
        _, refs = await self._remotes.open(remote)
        if not refs.heads:
            raise empty_repository()
        if branch and branch not in refs.heads:
            raise branch_not_found(branch)

    async def open(self, remote: Remote, branch: str, commit: str) -> Revision:
        """Bring the mirror up to date and find the commit; see the port."""
        access, refs = await self._remotes.open(remote)
        whole = commit if _FULL.fullmatch(commit) else ""
        try:
            start = await self._mirrors.start(remote, access, refs, branch, whole)
        except LemnosError as error:
            raise _no_commit(commit) if whole and error.code == "git_failed" else error from error
        found = start.commit
        if commit and not whole:
            found = await self._lengthened(start.mirror.place, commit)
        return Revision(start.mirror.path, found, start.branch)

    async def churn(self, revision: Revision, since: int) -> Mapping[str, Churn]:
        """Lines changed and commits by path. Of a log that is too long, the newest part counts."""
        output = await self._git.attempt(
            *("log", "--numstat", "-z", "--format=%x01", "--no-merges", "--no-renames"),
            *("--no-ext-diff", "--no-textconv", "--diff-algorithm=myers"),
            *(f"--since={since // SECOND}", revision.commit, "--"),
            at=Place(revision.git_dir),
            limit=_LOGGED,
        )
        if output.code != 0 and not output.cut:
            raise git_error(output.stderr)
        return await asyncio.to_thread(_churn, output.stdout)

    def close(self) -> None:
        """Let go of the threads."""
        self._runner.close()

    async def _lengthened(self, place: Place, commit: str) -> str:
        output = await self._git.attempt(
            *("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"), at=place
        )
        if output.code != 0:
            raise _no_commit(commit)
        return output.stdout.decode().strip()


def _no_commit(commit: str) -> Invalid:
    return Invalid(f"The repository has no commit {commit}.", code="commit_not_found")


def _churn(log: bytes) -> dict[str, Churn]:
    """A mark for each commit, then ``added TAB removed TAB path NUL`` for each of its files."""
    lines: dict[bytes, int] = {}
    commits: dict[bytes, int] = {}
    for field in log.split(b"\0")[:-1]:
        parts = field.lstrip(b"\x01\n").split(b"\t", 2)
        if len(parts) == 3:
            added, removed, path = parts
            changed = int(added) + int(removed) if added.isdigit() and removed.isdigit() else 0
            lines[path] = lines.get(path, 0) + changed
            commits[path] = commits.get(path, 0) + 1
    return {
        path.decode(errors="replace"): Churn(count, commits[path]) for path, count in lines.items()
    }
