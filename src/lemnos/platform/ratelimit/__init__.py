"""Rate limits by key and tier, in one process or shared between nodes.

The stores that nodes share are imported where one is configured: ``ratelimit.valkey``,
``ratelimit.database``.
"""

from lemnos.platform.ratelimit.gcra import LocalLimiter
from lemnos.platform.ratelimit.leased import LeasedLimiter
from lemnos.platform.ratelimit.model import TIERS, Decision, Lease, LeaseStore, Limiter, Tier

__all__ = [
    "TIERS",
    "Decision",
    "Lease",
    "LeaseStore",
    "LeasedLimiter",
    "Limiter",
    "LocalLimiter",
    "Tier",
]
