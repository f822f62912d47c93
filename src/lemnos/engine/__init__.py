"""Durable execution behind a small port; knows no domain.

The implementation is :class:`lemnos.engine.engine.DurableEngine`.
"""

from lemnos.engine.port import (
    DEFAULT_RETRY,
    Engine,
    Handler,
    Job,
    JobLost,
    OnFailed,
    QueueLimits,
    Retry,
    Steps,
    rank,
)

__all__ = [
    "DEFAULT_RETRY",
    "Engine",
    "Handler",
    "Job",
    "JobLost",
    "OnFailed",
    "QueueLimits",
    "Retry",
    "Steps",
    "rank",
]
