"""Looking at what a task has done: the checks on clean checkouts, and the file measured again."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from lemnos.domains.analysis.model import Opportunity
from lemnos.domains.quality.ports import Inspection, Inspector
from lemnos.domains.quality.safety import CheckResult, SafetyReport
from lemnos.domains.refactoring.model import Effect
from lemnos.domains.refactoring.ports import Analyses
from lemnos.domains.refactoring.service import file_changed
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.model import Task
from lemnos.domains.workspaces.disk import disk_full_fails
from lemnos.domains.workspaces.ports import Checkout, Remote
from lemnos.kernel.context import Context
from lemnos.platform import folders

_LARGEST = 8 * 1024 * 1024  # bytes of a file that is measured


@dataclass(frozen=True, slots=True)
class Examined:
    """What the checks say, and what the change did to its file."""

    report: SafetyReport
    effect: Effect | None


class Examiner:
    """Checks out the base and the change, next to each other, under ``root``."""

    def __init__(self, bench: Bench, inspector: Inspector, analyses: Analyses, root: Path) -> None:
        self._bench = bench
        self._inspector = inspector
        self._analyses = analyses
        self._root = root

    async def examine(
        self,
        ctx: Context,
        task: Task,
        opportunity: Opportunity,
        changed: tuple[str, ...],
        on_result: Callable[[CheckResult], Awaitable[None]],
    ) -> Examined:
        """Run the checks and measure.

        Neither tree is the task's own workspace: what is checked is what would be pushed, and
        what the checks write is not. Raises ``Conflict`` (file_changed) when the task did not
        start from the file that was analysed.
        """
        folder = self._root / f"check-{task.id}"
        try:
            with disk_full_fails():
                base, tree = await self._checkouts(task, folder)
            _demand_same_file(base.tree, opportunity)
            effect = await self._effect(ctx, base.tree, tree.tree, changed, opportunity)
            inspection = Inspection(
                tree.tree, base.tree, changed, readonly=(*tree.readonly, *base.readonly)
            )
            return Examined(await self._inspector.inspect(inspection, on_result), effect)
        finally:
            await asyncio.to_thread(folders.remove, folder)

    async def _checkouts(self, task: Task, folder: Path) -> tuple[Checkout, Checkout]:
        remote = await self._bench.credentials.remote(task)
        await asyncio.to_thread(_emptied, folder)
        patch, start = await self._change(task, remote)
        git = self._bench.git
        base = await git.checkout(remote, folder / "base", start.branch, commit=start.base)
        tree = await git.checkout(remote, folder / "tree", start.branch, commit=start.base)
        await git.restore(tree, patch)
        return base, tree

    async def _change(self, task: Task, remote: Remote) -> tuple[bytes, Checkout]:
        """What the task's workspace holds, and what it started from."""
        workspace = await self._bench.held_workspace(task.id)
        if workspace is None:
            branch = task.config.target_branch
            workspace = await self._bench.workspaces.make(task.tenant, task.id, remote, branch)
        try:
            return await self._bench.git.snapshot(workspace.checkout), workspace.checkout
        finally:
            await self._bench.db.write(lambda tx: self._bench.workspaces.release(tx, task.id))

    async def _effect(
        self,
        ctx: Context,
        base: Path,
        tree: Path,
        changed: tuple[str, ...],
        opportunity: Opportunity,
    ) -> Effect | None:
        """The file before and after by the same measure; None where it is no longer there."""
        path, analysis = opportunity.path, opportunity.analysis_id
        before = await self._analyses.remeasure(ctx, analysis, _contents(base, changed))
        after = await self._analyses.remeasure(ctx, analysis, _contents(tree, changed))
        old, new = before.get(path), after.get(path)
        if old is None or new is None or old.problem or new.problem:
            return None
        return Effect(
            promised=max(opportunity.impact.values(), default=0.0),
            score_before=old.score,
            score_after=new.score,
            complexity_before=old.cyclomatic,
            complexity_after=new.cyclomatic,
        )


def _contents(root: Path, paths: tuple[str, ...]) -> dict[str, bytes]:
    found = ((path, _content(root, path)) for path in paths)
    return {path: content for path, content in found if content is not None}


def _emptied(folder: Path) -> None:
    """Make the folder, without what a crash has left in it."""
    folders.remove(folder)
    folder.mkdir(mode=0o700, parents=True)


def _demand_same_file(base: Path, opportunity: Opportunity) -> None:
    content = _content(base, opportunity.path)
    if content is None or blob_of(content, like=opportunity.blob) != opportunity.blob:
        raise file_changed(opportunity.path, gone=content is None)


def blob_of(content: bytes, like: str) -> str:
    """Git's id of a content, by the hash that the other id is of (SHA-1 or SHA-256)."""
    algorithm = hashlib.sha256 if len(like) == 64 else hashlib.sha1
    return algorithm(b"blob %d\0" % len(content) + content).hexdigest()


def _content(root: Path, path: str) -> bytes | None:
    """A regular file inside the tree: an agent may have put a link in its place."""
    file = root / path
    inside = file.resolve().is_relative_to(root.resolve()) and not file.is_symlink()
    if not inside or not file.is_file() or file.stat().st_size > _LARGEST:
        return None
    return file.read_bytes()
