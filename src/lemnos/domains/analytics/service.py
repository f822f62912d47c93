"""Use cases of analytics. Those that change something run in the caller's transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from lemnos.domains.analytics.measuring import Measurer
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
from lemnos.domains.analytics.ports import History, Opened
from lemnos.domains.analytics.problems import check_days, check_limit, check_sent, demand_one
from lemnos.domains.analytics.prompts import refactoring_prompt
from lemnos.domains.analytics.store import MeasurementStore
from lemnos.domains.tasks.gating import GatesAsked
from lemnos.domains.tasks.model import NewTask, Task, TaskConfig
from lemnos.domains.workspaces.places import Places, TaskPlaces
from lemnos.kernel import clock, ids
from lemnos.kernel.context import Context
from lemnos.kernel.errors import NotFound, Unprocessable
from lemnos.platform.db import Database, Tx

GUARD_RAILS = "guard-rails"  # the source of coverage that our own gates have measured
_TASK_SECONDS = 1800  # a refactoring reads, changes and tests: the default of tasks is too short

GetTask: TypeAlias = Callable[[Context, str], Awaitable[Task]]


@dataclass(frozen=True, slots=True)
class _Site:
    """An opened repository, and what others have measured of it."""

    opened: Opened
    sent: Sequence[Measurement]


class AnalyticsService:
    """Ranks the files of repositories, and keeps what others have measured of them."""

    def __init__(
        self,
        db: Database,
        store: MeasurementStore,
        measurer: Measurer,
        history: History,
        places: Places,
        tasks: TaskPlaces,
        get_task: GetTask,
    ) -> None:
        self._db = db
        self._store = store
        self._measurer = measurer
        self._history = history
        self._places = places
        self._tasks = tasks
        self._get_task = get_task

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
        check_limit(limit)
        check_days(days)
        async with self._site(ctx, where) as site:
            return await self._measurer.rankings(
                ctx.tenant, site.opened, strategy=strategy, limit=limit, days=days, sent=site.sent
            )

    async def hotspots(
        self,
        ctx: Context,
        where: Where,
        *,
        limit: int = DEFAULT_LIMIT,
        days: int = DEFAULT_DAYS,
    ) -> Hotspots:
        """The files that are both complicated and often changed; errors as in :meth:`rankings`."""
        check_limit(limit)
        check_days(days)
        async with self._site(ctx, where) as site:
            return await self._measurer.hotspots(
                ctx.tenant, site.opened, limit=limit, days=days, sent=site.sent
            )

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
        check_sent(kind, source, commit, content)
        folder = str(self._places.find(workspace))
        sent = Measurement(folder, kind, source, commit, content, clock.now())
        await self._store.put(tx, ctx.tenant, sent)
        return sent

    async def keep_coverage(
        self, tenant: str, workspace: str, commit: str, coverage: Mapping[str, tuple[int, int]]
    ) -> None:
        """Keep what the tests of a guard-rails run have covered.

        ``workspace`` is the folder, or a task's id.
        """
        place = ids.uuid_of_task(workspace)
        sent = Measurement(place, Kind.COVERAGE, GUARD_RAILS, commit, coverage, clock.now())
        await self._db.write(lambda tx: self._store.put(tx, tenant, sent), retry_safe=True)

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
        timeout_seconds: int = _TASK_SECONDS,
    ) -> NewTask:
        """What ``TaskService.draft`` needs to have a file of the rankings refactored.

        Without ``gates`` the default ones judge the work, so that tests still pass. For a task's
        repository the new task starts from the branch that the task did. ``NotFound`` with code
        ``file_not_found`` for a path that is not among the files.
        """
        check_days(days)
        async with self._site(ctx, where) as site:
            revision = site.opened.revision
            ranking = await self._measurer.ranking(
                ctx.tenant, site.opened, path, strategy=strategy, days=days, sent=site.sent
            )
        if ranking is None:
            message = f"{path} is not among the files that are ranked."
            raise NotFound(message, code="file_not_found")
        repository, branch, key = str(site.opened.root), revision.branch, ""
        if where.task_id:
            task = await self._get_task(ctx, where.task_id)
            repository, branch, key = task.repo_url, task.config.target_branch, task.provider_key
        if not repository:
            message = "The task worked in an empty workspace: there is no repository to change."
            raise Unprocessable(message, code="no_repository")
        return NewTask(
            repo_url=repository,
            prompt=refactoring_prompt(ranking, revision.commit, days, instructions),
            config=TaskConfig(
                timeout_seconds=timeout_seconds,
                target_branch=branch,
                gates=gates or GatesAsked(),
            ),
            provider_key=key,
        )

    @asynccontextmanager
    async def _site(self, ctx: Context, where: Where) -> AsyncIterator[_Site]:
        demand_one(where)
        if where.task_id:
            async with (
                self._tasks.find(ctx, where.task_id) as place,
                self._history.open_checkout(place.checkout) as opened,
            ):
                task_id = ids.uuid_of_task(where.task_id)
                yield _Site(opened, await self._store.of(ctx.tenant, task_id, task_id))
            return
        folder = self._places.find(where.workspace)
        async with self._history.open(folder, self._places.allows) as opened:
            yield _Site(opened, await self._store.of(ctx.tenant, str(folder), str(opened.root)))
