"""The git port: every git command that Lemnos runs, on its side of the trust boundary.

git never runs on the host inside a tree that an agent has touched with that tree's own
configuration: mirrors and clean clones are ours; a diff uses a git directory of ours over the
agent's work tree. Tokens go by environment to the one git process that needs them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository as named by a caller, checked against the allow-lists, with its credential."""

    url: str
    token: str = field(default="", repr=False)
    username: str = "x-access-token"
    scope: str = ""  # whose mirror it is: one tenant never reads what another has fetched


@dataclass(frozen=True, slots=True)
class Checkout:
    """A workspace on disk: ``tree`` is the agent's, ``git_dir`` is ours and out of its reach.

    ``base`` is the commit that the work started from; ``branch`` the branch it was taken from.
    """

    tree: Path
    git_dir: Path
    base: str
    branch: str
    readonly: tuple[Path, ...] = ()  # what the tree's own git reads outside of it


@dataclass(frozen=True, slots=True)
class FileChange:
    """One changed file. ``status`` is added, modified, deleted, renamed or type_changed."""

    path: str
    status: str
    additions: int
    deletions: int
    binary: bool = False
    old_path: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes of a work tree against its base, agent's own commits and new files included."""

    files: tuple[FileChange, ...]
    text: str
    truncated: bool
    notes: tuple[str, ...] = ()  # what the tree holds and a change can't: submodules' files, …

    @property
    def additions(self) -> int:
        """Added lines, binary files not counted."""
        return sum(f.additions for f in self.files)

    @property
    def deletions(self) -> int:
        """Deleted lines, binary files not counted."""
        return sum(f.deletions for f in self.files)


@dataclass(frozen=True, slots=True)
class Pushed:
    """A branch on the remote, and the commit that it points at."""

    branch: str
    commit: str


class Git(Protocol):
    """Mirrors, checkouts, diffs and pushes. Errors are ``LemnosError`` with redacted text."""

    async def checkout(
        self, remote: Remote, into: Path, branch: str = "", *, commit: str = ""
    ) -> Checkout:
        """Bring the mirror up to date and make a workspace from it.

        ``into`` is a directory that does not exist yet; an interrupted earlier try is removed
        first. An empty ``branch`` means the remote's default. With ``commit`` the work starts
        from that commit of the branch rather than from its tip.
        """
        ...

    async def empty(self, into: Path) -> Checkout:
        """Make a workspace that starts from nothing: its base is a commit without files.

        That commit is the same one each time. ``into`` as with :meth:`checkout`.
        """
        ...

    async def snapshot(self, checkout: Checkout) -> bytes:
        """All that the work tree holds against its base, binary files too, compressed."""
        ...

    async def restore(self, checkout: Checkout, snapshot: bytes) -> None:
        """Put a snapshot into a fresh checkout of the same base."""
        ...

    async def mark(self, checkout: Checkout) -> str:
        """Remember what the work tree holds now; the id by which :meth:`put_back` finds it."""
        ...

    async def put_back(self, checkout: Checkout, mark: str) -> bool:
        """Undo what was changed since the mark; whether anything was.

        Files that git ignores stay as they are. Raises ``Conflict`` with code
        ``workspace_changing`` when something goes on changing the tree.
        """
        ...

    async def diff(self, checkout: Checkout, *, max_bytes: int = 1_000_000) -> Diff:
        """What the work tree holds against its base: commits, staged, unstaged and new files."""
        ...

    async def push(
        self,
        checkout: Checkout,
        remote: Remote,
        branch: str,
        message: str,
        *,
        expected: str = "",
    ) -> Pushed:
        """Commit the work tree's content on top of its base in a clean clone of ours; push it.

        Repeating it with the same content pushes nothing new and gives the same answer. A branch
        of that name with other content on the remote raises ``Conflict`` with code
        ``branch_exists``, unless it is the commit ``expected``, which an earlier push made.
        """
        ...

    async def drop_mirrors(self, in_use: Collection[Path], idle: float) -> int:
        """Remove mirrors unused for ``idle`` seconds, but those whose objects are ``in_use``."""
        ...

    async def blob(self, remote: Remote, branch: str, path: str) -> str:
        """Git's id of a file's content at a branch's tip; empty where there is no such file."""
        ...

    async def default_branch(self, remote: Remote) -> str:
        """The branch that the remote's HEAD names."""
        ...
