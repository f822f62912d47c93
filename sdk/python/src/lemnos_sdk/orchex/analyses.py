"""Analyses of repositories: ``client.analyze(…)`` and ``client.analyses``."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, overload

from lemnos_sdk._call import IO, Call, Resource, given, operation, path
from lemnos_sdk._errors import TaskFailedError
from lemnos_sdk._pages import Pages
from lemnos_sdk._waiting import Wait, wait
from lemnos_sdk.orchex._orchex import get, listing, post
from lemnos_sdk.orchex.models import Analysis, AnalysisStarted, FileMetrics
from lemnos_sdk.orchex.params import AnalysisOptions

if TYPE_CHECKING:
    from lemnos_sdk._transport import Async, Sync

ROOT = "/v1/analyze"


class Analyses(Resource[IO]):
    """``client.analyses``."""

    @operation
    def start(
        self,
        *,
        repository_path: str | None = None,
        repository_url: str | None = None,
        branch: str | None = None,
        commit: str | None = None,
        analysis_type: str | None = None,
        options: AnalysisOptions | None = None,
        provider_key: str | None = None,
    ) -> Call[AnalysisStarted]:
        """Start to analyse a repository, by its path on the server or by its URL.

        ``analysis_type`` is ``full``, ``quick`` or ``incremental``.
        """
        body = given(
            repository_path=repository_path,
            repository_url=repository_url,
            branch=branch,
            commit=commit,
            analysis_type=analysis_type,
            options=options,
            provider_key=provider_key,
        )
        return post(ROOT, AnalysisStarted, body)

    @operation
    def get(self, analysis_id: str) -> Call[Analysis]:
        """An analysis, with its results once it is completed."""
        return get(path(ROOT, analysis_id), Analysis)

    def list(
        self,
        *,
        repository: str | None = None,
        status: str | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> Pages[Analysis, IO]:
        """The analyses, the newest first; ``limit`` is the size of a page."""
        filters = {"repository": repository, "status": status, "since": since, "limit": limit}
        return Pages(self._io, listing(ROOT, "analyses", Analysis, **filters))

    def files(self, analysis_id: str, *, limit: int | None = None) -> Pages[FileMetrics, IO]:
        """All files of an analysis, the worst first; ``limit`` is the size of a page."""
        where = path(ROOT, analysis_id, "files")
        return Pages(self._io, listing(where, "files", FileMetrics, limit=limit))

    @overload
    def wait(self: Analyses[Sync], analysis_id: str, timeout: float | None = None) -> Analysis: ...
    @overload
    def wait(
        self: Analyses[Async], analysis_id: str, timeout: float | None = None
    ) -> Coroutine[Any, Any, Analysis]: ...
    def wait(self, analysis_id: str, timeout: float | None = None) -> Any:
        """The analysis when it is completed; ``timeout`` in seconds.

        Raises TaskFailedError and WaitTimeoutError.
        """
        look = Analyses.get.describe(self, analysis_id)
        return wait(self._io, Wait(look, _rests, _concluded), timeout)


def _rests(analysis: Analysis) -> bool:
    return analysis.status in ("completed", "failed")


def _concluded(analysis: Analysis, _explanation: object) -> Analysis:
    if analysis.status == "completed":
        return analysis
    raise TaskFailedError(f"{analysis.analysis_id} failed: {analysis.error}", analysis)
