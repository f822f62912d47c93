"""Rate limits by key and tier, in one process or shared between nodes."""

from lemnos.platform.ratelimit.gcra import LocalLimiter
from lemnos.platform.ratelimit.leased import LeasedLimiter
from lemnos.platform.ratelimit.model import TIERS, Decision, Lease, LeaseStore, RateLimiter, Tier

__all__ = [
    "TIERS",
    "Decision",
    "Lease",
    "LeaseStore",
    "LeasedLimiter",
    "LocalLimiter",
    "RateLimiter",
    "Tier",
]
