"""Refactorings, put together: use cases, their jobs, and what hears that a task rests."""

from __future__ import annotations

from lemnos.domains.integrations.service import KeyService
from lemnos.domains.quality.ports import Inspector
from lemnos.domains.refactoring.examining import Examiner
from lemnos.domains.refactoring.following import Follower
from lemnos.domains.refactoring.jobs import CheckJob, OrderJob
from lemnos.domains.refactoring.ports import Analyses
from lemnos.domains.refactoring.service import CHECK, ORDER, RefactoringService
from lemnos.domains.refactoring.store import RefactoringStore
from lemnos.foundation import AGENTS, Platform
from lemnos.main.tasks import Tasks, traced
from lemnos.settings import Settings


def make_refactorings(
    settings: Settings,
    platform: Platform,
    tasks: Tasks,
    analyses: Analyses,
    keys: KeyService,
    inspector: Inspector,
) -> RefactoringService:
    """The use cases; the jobs are registered with the engine.

    Checks take the places of agents, as they cost what agents cost. Their trees lie beside the
    workspaces, where the sweep finds what a crash has left of them.
    """
    bench, diffs, engine = tasks.bench, tasks.diffs, platform.engine
    store = RefactoringStore(platform.db)
    follower = Follower(store, engine, platform.announcer)
    bench.recorder.on_rested.append(follower)
    examiner = Examiner(bench, inspector, analyses, settings.data_dir / "workspaces")
    order = OrderJob(bench, store, analyses, tasks.orders, follower, settings.max_timeout)
    check = CheckJob(bench, store, analyses, tasks.service, diffs, examiner, follower)
    engine.register(ORDER, traced(platform.tracer, ORDER, order), on_failed=order.failed)
    engine.register(
        CHECK, traced(platform.tracer, CHECK, check), queue=AGENTS, on_failed=check.failed
    )
    return RefactoringService(
        store,
        analyses,
        tasks.orders,
        tasks.service,
        bench.recorder,
        diffs,
        keys,
        bench.git,
        engine,
        settings.max_timeout,
    )
