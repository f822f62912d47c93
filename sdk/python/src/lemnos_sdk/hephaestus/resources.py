"""Quality gates, cleanup and analytics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._model import reader
from lemnos_sdk._pages import Page, Pages
from lemnos_sdk.hephaestus.models import (
    Gates,
    Hotspots,
    Ingested,
    OperationStatus,
    Rankings,
    RefactoringTask,
)
from lemnos_sdk.hephaestus.operations import CleanupRun, GuardRailsRun

_GUARD_RAILS = "/api/v1/quality/guard-rails"
_ANALYTICS = "/api/v1/analytics"
_started = reader(OperationStatus)


class Quality(Resource[IO]):
    """``client.quality``: the gates of projects."""

    @operation
    def guard_rails(
        self,
        *,
        workspace: str | None = None,
        task_id: str | None = None,
        no_format: bool | None = None,
        drift_check: bool | None = None,
        gates: Sequence[str] | None = None,
        profile: str | None = None,
        fail_fast: bool | None = None,
        baseline: str | None = None,
        use_cache: bool | None = None,
        timeout_seconds: float | None = None,
    ) -> Call[GuardRailsRun[IO]]:
        """Start the gates of a folder on the server, or of a task's workspace.

        The answer is a handle, whose ``wait`` gives what they say.
        """
        body = given(
            workspace=workspace,
            task_id=task_id,
            no_format=no_format,
            drift_check=drift_check,
            gates=gates,
            profile=profile,
            fail_fast=fail_fast,
            baseline=baseline,
            use_cache=use_cache,
            timeout_seconds=timeout_seconds,
        )

        def read(content: Any) -> GuardRailsRun[IO]:
            return GuardRailsRun(self._io, _started(content).task_id)

        return Call("POST", _GUARD_RAILS, read, body={**body, "async": True})

    def of(self, task_id: str) -> GuardRailsRun[IO]:
        """The handle of a run that was started before. Asks nothing of the server."""
        return GuardRailsRun(self._io, task_id)

    def list(
        self, *, status: str | None = None, limit: int | None = None
    ) -> Pages[OperationStatus, IO]:
        """The runs without their results, the newest first."""
        query = given(status=status, limit=limit)
        return Pages(
            self._io,
            lambda following: Call("GET", _GUARD_RAILS, _page, query={**query, **following}),
        )

    @operation
    def sarif(self, task_id: str) -> Call[dict[str, Any]]:
        """The findings of a run as a SARIF 2.1.0 log."""
        return Call("GET", path(_GUARD_RAILS, task_id, "sarif"), reader(dict[str, Any]))


class Cleanup(Resource[IO]):
    """``client.cleanup``: what tools and systems have left behind."""

    @operation
    def clean(
        self,
        *,
        root: str | None = None,
        task_id: str | None = None,
        deep_clean: bool | None = None,
        dry_run: bool | None = None,
    ) -> Call[CleanupRun[IO]]:
        """Start to clean a folder on the server, or a task's workspace. A handle."""
        body = given(root=root, task_id=task_id, deep_clean=deep_clean, dry_run=dry_run)

        def read(content: Any) -> CleanupRun[IO]:
            return CleanupRun(self._io, _started(content).task_id)

        return Call("POST", "/api/v1/cleanup", read, body={**body, "async": True})


class Analytics(Resource[IO]):
    """``client.analytics``: which files are worth a refactoring."""

    @operation
    def rankings(
        self,
        *,
        strategy: str | None = None,
        limit: int | None = None,
        workspace: str | None = None,
        task_id: str | None = None,
        days: int | None = None,
    ) -> Call[Rankings]:
        """The files, the most worthwhile first; ``limit`` is at most 100."""
        query = given(
            strategy=strategy, limit=limit, workspace=workspace, task_id=task_id, days=days
        )
        return Call("GET", f"{_ANALYTICS}/rankings", reader(Rankings), query=query)

    @operation
    def hotspots(
        self,
        *,
        limit: int | None = None,
        workspace: str | None = None,
        task_id: str | None = None,
        days: int | None = None,
    ) -> Call[Hotspots]:
        """Files that are complicated and often changed, the hottest first."""
        query = given(limit=limit, workspace=workspace, task_id=task_id, days=days)
        return Call("GET", f"{_ANALYTICS}/hotspots", reader(Hotspots), query=query)

    @operation
    def refactor(
        self,
        path: str,
        *,
        workspace: str | None = None,
        task_id: str | None = None,
        strategy: str | None = None,
        days: int | None = None,
        instructions: str | None = None,
        gates: Gates | None = None,
    ) -> Call[RefactoringTask]:
        """Have an agent refactor a file of the rankings."""
        body = given(
            path=path,
            workspace=workspace,
            task_id=task_id,
            strategy=strategy,
            days=days,
            instructions=instructions,
            gates=gates,
        )
        return Call("POST", f"{_ANALYTICS}/rankings/refactor", reader(RefactoringTask), body=body)

    @operation
    def ingest(
        self,
        *,
        kind: str,
        source: str,
        files: Mapping[str, Mapping[str, int]],
        workspace: str | None = None,
        commit: str | None = None,
    ) -> Call[Ingested]:
        """Send what another system has measured of each file.

        ``kind`` is coverage (``covered`` and ``total`` lines) or churn (``churn``, ``revisions``).
        """
        body = given(kind=kind, source=source, files=files, workspace=workspace, commit=commit)
        return Call("POST", f"{_ANALYTICS}/ingest", reader(Ingested), body=body)


def _page(content: Mapping[str, Any]) -> Page[OperationStatus]:
    items = msgspec.convert(content["tasks"], list[OperationStatus])
    cursor = content["next"]
    following = {"cursor": cursor, "limit": content["limit"]} if cursor else None
    return Page(items, None, following)
