"""Histories of repositories on this machine, read without any configuration of theirs.

A repository's objects are borrowed by a git directory of ours, made for the time of the reading:
its own configuration, which can name programs to run (fsmonitor, textconv, gpg), is never read.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lemnos.adapters.git.command import GitCommands, Place, Timeouts
from lemnos.adapters.git.errors import git_error
from lemnos.adapters.git.found import Found, find
from lemnos.adapters.git.gitdir import write_git_dir
from lemnos.adapters.git.jail import Jail
from lemnos.adapters.git.numstat import FORMAT, NumstatParser
from lemnos.adapters.git.process import Output, ProcessRunner
from lemnos.adapters.git.reader import ObjectReader
from lemnos.domains.analysis.ports import Revision
from lemnos.domains.analytics.ports import Allowed, OnCommit, Opened
from lemnos.domains.workspaces.ports import Checkout
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import Invalid

_CONCURRENCY = 4
_HEAD = "main"  # the branch of our own git directory
# Lines of a file that was only moved are not churn; merges repeat what their parents say.
_LOG = ("log", "--numstat", "-z", "--no-merges", "--find-renames", FORMAT)
_AS_OBJECTS_SAY = ("--no-ext-diff", "--no-textconv", "--no-show-signature")


class GitHistory(ObjectReader):
    """Implements ``lemnos.domains.analytics.ports.History``."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self._runner = ProcessRunner(_CONCURRENCY)
        super().__init__(GitCommands(self._runner, Jail(False), timeouts or Timeouts()))

    @asynccontextmanager
    async def open(self, folder: Path, allowed: Allowed) -> AsyncIterator[Opened]:
        """The repository that a folder is in, at HEAD; see the port."""
        found = await asyncio.to_thread(find, folder, allowed)
        with tempfile.TemporaryDirectory(prefix="lemnos-history-") as scratch:
            git_dir = Path(scratch) / "git"
            await asyncio.to_thread(_borrow, git_dir, found)
            revision = Revision(git_dir, found.commit, found.branch)
            yield Opened(
                root=found.root,
                revision=revision,
                committed_at=await self._committed_at(revision),
                prefix=found.prefix,
                bare=found.bare,
                shallow=bool(found.shallow),
            )

    @asynccontextmanager
    async def open_checkout(self, checkout: Checkout) -> AsyncIterator[Opened]:
        """The repository of a task: its git directory is ours already."""
        revision = Revision(checkout.git_dir, checkout.base, checkout.branch)
        shallow = (checkout.git_dir / "shallow").is_file()
        committed_at = await self._committed_at(revision)
        yield Opened(checkout.tree, revision, committed_at, shallow=shallow)

    async def log(self, revision: Revision, since: int, take: OnCommit) -> None:
        """Hand over all commits since a time, as git tells them."""
        parser = NumstatParser(take)
        output = await self._git.attempt(
            *_LOG,
            *_AS_OBJECTS_SAY,
            *("--diff-algorithm=myers", f"--since=@{since // SECOND} +0000", revision.commit, "--"),
            at=Place(revision.git_dir),
            sink=parser.feed,
        )
        _check(output)
        parser.end()

    def close(self) -> None:
        """Let go of the threads."""
        self._runner.close()

    async def _committed_at(self, revision: Revision) -> int:
        """When HEAD was committed, which also tells whether it is there at all."""
        output = await self._git.attempt(
            *("log", "-1", "--no-show-signature", "--format=%ct", revision.commit, "--"),
            at=Place(revision.git_dir),
        )
        _check(output)
        return int(output.stdout) * SECOND


def _borrow(git_dir: Path, found: Found) -> None:
    """A bare git directory: git then takes the mailmap from the commit, and no file of the tree."""
    refs = {f"refs/heads/{_HEAD}": found.commit}
    write_git_dir(git_dir, commit=found.commit, head=_HEAD, refs=refs)
    (git_dir / "objects/info/alternates").write_text(f"{found.objects}\n", errors="surrogateescape")
    if found.shallow:
        (git_dir / "shallow").write_text(found.shallow)


def _check(output: Output) -> None:
    if output.code != 0:
        said = git_error(output.stderr).message
        message = f"The repository can't be read: is it damaged, or a partial clone? {said}"
        raise Invalid(message, code="repository_unreadable", fields={"workspace": message})
