"""Pushing a work tree's content as one commit of ours, safely repeatable."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lemnos.adapters.git.command import GitCommands, Place
from lemnos.adapters.git.errors import git_error
from lemnos.adapters.git.process import Output
from lemnos.adapters.git.remotes import Access
from lemnos.domains.workspaces.ports import Checkout, Pushed
from lemnos.kernel.errors import Conflict, Invalid

_STALE = re.compile(r"stale info|already exists|fetch first|non-fast-forward|cannot lock ref")


@dataclass(frozen=True, slots=True)
class Author:
    """Who commits in the name of Lemnos."""

    name: str = "Lemnos"
    email: str = "lemnos@localhost"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be on a branch: a tree, on top of ``expected`` or else of the base."""

    checkout: Checkout
    tree: str
    branch: str
    message: str
    expected: str


class Publisher:
    """Makes commits in our git directory of a workspace, and pushes them from there."""

    def __init__(self, git: GitCommands, author: Author) -> None:
        self._git = git
        self._author = author

    async def publish(self, wanted: Publication, access: Access, tip: str) -> Pushed:
        """Bring the branch, now at ``tip`` ("" if there is none), to the wanted content.

        Raises ``Conflict`` with code ``branch_exists`` when others' content is there.
        """
        at = Place(wanted.checkout.git_dir)
        await self._check_name(at, wanted.branch)
        if tip and tip != wanted.expected:
            return await self._same_or_conflict(wanted, at, access, tip)
        commit = await self._commit_on(await self._parent(wanted, at, access, tip), wanted, at)
        if commit == tip:
            return Pushed(wanted.branch, tip)
        output = await self._push(wanted, access, commit, tip)
        if output.code != 0:
            if _STALE.search(output.stdout.decode(errors="replace") + output.stderr):
                raise _branch_exists(wanted.branch)
            raise git_error(output.stderr, access.secrets)
        return Pushed(wanted.branch, commit)

    async def _check_name(self, at: Place, branch: str) -> None:
        output = await self._git.attempt("check-ref-format", "--branch", branch, at=at)
        if output.code != 0 or output.stdout.decode().rstrip("\n") != branch:
            raise Invalid(f"{branch!r} is not a branch name.", code="bad_branch_name")

    async def _same_or_conflict(
        self, wanted: Publication, at: Place, access: Access, tip: str
    ) -> Pushed:
        """A branch that has just this content was pushed by an earlier try of ours."""
        await self._obtain(at, access, wanted.branch, tip)
        parents = await self._git.run("rev-parse", f"{tip}^@", at=at)
        ours = parents.decode().strip() in (wanted.expected, wanted.checkout.base)
        if ours and await self._tree_of(at, tip) == wanted.tree:
            return Pushed(wanted.branch, tip)
        raise _branch_exists(wanted.branch)

    async def _parent(self, wanted: Publication, at: Place, access: Access, tip: str) -> str:
        """The commit to build on; one that we pushed long ago may have to be fetched."""
        if tip:
            await self._obtain(at, access, wanted.branch, tip)
            return tip
        known = wanted.expected and await self._tree_of(at, wanted.expected)
        return wanted.expected if known else wanted.checkout.base

    async def _commit_on(self, parent: str, wanted: Publication, at: Place) -> str:
        """A new commit on the parent; the parent itself where it has the content already."""
        if await self._tree_of(at, parent) == wanted.tree:
            if parent == wanted.checkout.base:
                raise Conflict("There are no changes to push.", code="no_changes")
            return parent
        identity = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", self._author.name), ("EMAIL", self._author.email))
        }
        made = await self._git.run(
            *("commit-tree", wanted.tree, "-p", parent, "-F", "-"),
            at=at,
            stdin=wanted.message.encode(),
            extra=identity,
        )
        return made.decode().strip()

    async def _push(self, wanted: Publication, access: Access, commit: str, tip: str) -> Output:
        """The lease makes it one step: the branch is still at ``tip``, or still absent."""
        ref = f"refs/heads/{wanted.branch}"
        return await self._git.network(
            *("push", "--porcelain", f"--force-with-lease={ref}:{tip}", "--no-verify"),
            *(*access.receiving, access.url, f"{commit}:{ref}"),
            cwd=wanted.checkout.git_dir,
            git_dir=wanted.checkout.git_dir,
            settings=access.settings,
            extra=access.environment,
        )

    async def _obtain(self, at: Place, access: Access, branch: str, commit: str) -> None:
        """Make sure that our git directory has a commit of the remote's branch."""
        if await self._tree_of(at, commit):
            return
        output = await self._git.network(
            *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow"),
            *(*access.serving, access.url, f"refs/heads/{branch}"),
            cwd=at.git_dir,
            git_dir=at.git_dir,
            settings=access.settings,
            extra=access.environment,
        )
        if output.code != 0:
            raise git_error(output.stderr, access.secrets)

    async def _tree_of(self, at: Place, commit: str) -> str:
        output = await self._git.attempt(
            *("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}"), at=at
        )
        return output.stdout.decode().strip() if output.code == 0 else ""


def _branch_exists(branch: str) -> Conflict:
    return Conflict(
        f"The repository already has a branch {branch!r} with other content.", code="branch_exists"
    )
