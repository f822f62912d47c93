"""Use cases of analytics. Those that change something run in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping

from lemnos.domains.analytics.model import (
    DEFAULT_DAYS,
    DEFAULT_LIMIT,
    Hotspots,
    Kind,
    Measurement,
    Rankings,
    Strategy,
    Where,
)
from lemnos.domains.tasks.gating import GatesAsked
from lemnos.domains.tasks.model import NewTask
from lemnos.kernel.context import Context
from lemnos.platform.db import Tx


class AnalyticsService:
    """Ranks the files of repositories, and keeps what others have measured of them."""

    async def rankings(
        self,
        ctx: Context,
        where: Where,
        *,
        strategy: Strategy = Strategy.COMPOSITE,
        limit: int = DEFAULT_LIMIT,
        days: int = DEFAULT_DAYS,
    ) -> Rankings:
        """The files that are most worth a refactoring.

        Raises ``Invalid`` for what is no repository, has no commit, or may not be read.
        """
        raise NotImplementedError

    async def hotspots(
        self,
        ctx: Context,
        where: Where,
        *,
        limit: int = DEFAULT_LIMIT,
        days: int = DEFAULT_DAYS,
    ) -> Hotspots:
        """The files that are both complicated and often changed; errors as in :meth:`rankings`."""
        raise NotImplementedError

    async def ingest(
        self,
        tx: Tx,
        ctx: Context,
        workspace: str,
        kind: Kind,
        source: str,
        commit: str,
        content: Mapping[str, tuple[int, int]],
    ) -> Measurement:
        """Keep what another system has measured; see ``Measurement``."""
        raise NotImplementedError

    async def keep_coverage(
        self, tenant: str, workspace: str, commit: str, coverage: Mapping[str, tuple[int, int]]
    ) -> None:
        """Keep what the tests of a guard-rails run have covered; ``workspace`` is the folder."""
        raise NotImplementedError

    async def refactoring_task(
        self,
        ctx: Context,
        where: Where,
        path: str,
        *,
        strategy: Strategy = Strategy.COMPOSITE,
        days: int = DEFAULT_DAYS,
        instructions: str = "",
        gates: GatesAsked | None = None,
    ) -> NewTask:
        """What ``TaskService.draft`` needs to have a file of the rankings refactored.

        ``NotFound`` with code ``file_not_found`` for a path that is not among the files.
        """
        raise NotImplementedError
