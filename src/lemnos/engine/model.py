"""States of a job, its place in the queue, and what a node holds while it runs one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lemnos.engine.port import Handler, Job, OnFailed, Retry


class JobState(StrEnum):
    """``delayed`` waits for its time, ``queued`` for a free place."""

    DELAYED = "delayed"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Unrecorded(BaseException):
    """Leaves a step or a job without a record, so that both run again.

    DBOS records every ``Exception`` as an outcome; this is none.
    """


@dataclass(frozen=True, slots=True)
class Kind:
    """What is registered for a kind of job."""

    handler: Handler
    queue: str
    retry: Retry
    on_failed: OnFailed | None


@dataclass(frozen=True, slots=True)
class Claim:
    """One node's right to run a job: void as soon as the row shows another node or epoch."""

    job: Job
    queue: str
    rank: int
    node: str
    epoch: int
    attempts: int
    cut_off: bool
