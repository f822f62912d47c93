"""Operations and the guard rails among them, put together."""

from __future__ import annotations

from lemnos.domains.operations.jobs import OperationJob
from lemnos.domains.operations.model import Kind
from lemnos.domains.operations.ports import Work
from lemnos.domains.operations.service import OperationService, job_kind
from lemnos.domains.operations.store import OperationStore
from lemnos.engine import Retry
from lemnos.foundation import GATES, Platform
from lemnos.main.tasks import traced

_QUEUES = {Kind.GUARD_RAILS: GATES}  # the others share the default one
# Somebody waits for most of them, so what fails unexpectedly is not tried for long.
_RETRY = Retry(attempts=3, first=0.5, factor=4.0)


def make_operations(platform: Platform) -> OperationService:
    """The use cases; the jobs are registered with the engine, and who does the work with them."""
    works: dict[Kind, Work] = {}
    store = OperationStore(platform.db)
    job = OperationJob(platform.db, store, platform.events, platform.door, works)
    for kind in Kind:
        platform.engine.register(
            job_kind(kind),
            traced(platform.tracer, job_kind(kind), job),
            queue=_QUEUES.get(kind, "default"),
            retry=_RETRY,
            on_failed=job.failed,
        )
    return OperationService(store, platform.events, platform.engine, works, job.stop)
