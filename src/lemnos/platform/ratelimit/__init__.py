"""Rate limits by key and tier, in one process or shared between nodes.

The stores that nodes share are imported where one is configured: ``ratelimit.valkey``,
``ratelimit.database``.
"""

from lemnos.platform.ratelimit.gcra import LocalLimiter
from lemnos.platform.ratelimit.leased import LeasedLimiter
from lemnos.platform.ratelimit.model import (
    ORCHEX,
    TIERS,
    Decision,
    Lease,
    LeaseStore,
    Limiter,
    LongLimits,
    Tier,
)

__all__ = [
    "ORCHEX",
    "TIERS",
    "Decision",
    "Lease",
    "LeaseStore",
    "LeasedLimiter",
    "Limiter",
    "LocalLimiter",
    "LongLimits",
    "Tier",
]
