"""What follows a failed try: another one on the same agent, the next agent, or the end. Pure."""

from __future__ import annotations

from enum import StrEnum

from lemnos.domains.agents.model import RetryPolicy
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict

_TRIES = (3, 2, 1)  # on tiers 0, 1, and 2 and beyond
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds


class Next(StrEnum):
    """What to do after a try has ended."""

    STOP = "stop"  # it completed, or nobody could do better
    RETRY = "retry"  # on the same agent, after a pause, while it has tries left
    MOVE_ON = "move_on"  # to the agent of the next tier, at once


# What may pass by itself is worth another try; what is wrong with the agent will stay wrong.
_AFTER = {
    ErrorClass.RATE_LIMIT: Next.RETRY,
    ErrorClass.NETWORK: Next.RETRY,
    ErrorClass.UNKNOWN: Next.RETRY,
    ErrorClass.AGENT: Next.RETRY,
    ErrorClass.TIMEOUT: Next.MOVE_ON,
    ErrorClass.AUTH: Next.MOVE_ON,
    ErrorClass.NOT_INSTALLED: Next.MOVE_ON,
    ErrorClass.UNSUITED: Next.MOVE_ON,
    ErrorClass.BUDGET: Next.STOP,
    ErrorClass.NONE: Next.RETRY,
}


def after(result: RunResult) -> Next:
    """What should follow this result, as far as its kind of failure decides it."""
    if result.verdict in (Verdict.COMPLETED, Verdict.CANCELLED, Verdict.OVER_BUDGET):
        return Next.STOP
    if result.verdict is Verdict.TIMED_OUT:
        return Next.MOVE_ON
    return _AFTER[result.error_class]


def tries(policy: RetryPolicy, tier: int) -> int:
    """How many tries an agent gets: 1 and its ``max_retries``, else 3, 2 and 1 by its tier."""
    if policy.max_retries is not None:
        return 1 + policy.max_retries
    return _TRIES[min(tier, len(_TRIES) - 1)]


def pause(policy: RetryPolicy, tried: int, jitter: float) -> float:
    """Seconds before the next try, after so many (from 1) on this agent.

    1 s × backoff_multiplier^(tried - 1), at most 30 s; ``jitter``, random from 0 to 1, takes off
    up to half of it, so that many who failed at once do not come back at once.
    """
    # Beyond 2^64 a float is large enough to be cut off, and no power can overflow.
    full = _FIRST_PAUSE * policy.backoff_multiplier ** min(tried - 1, 64)
    return min(full, _LONGEST_PAUSE) * (1 - 0.5 * jitter)
