"""The circuit breaker of an agent: when it lets work through, and what outcomes do to it. Pure.

Closed, it opens after five failures in a row. Open, it lets nothing through for 60 s. Then it is
half open: one trial at a time, three successes in a row close it, a failure opens it again.
"""

from __future__ import annotations

from dataclasses import replace

from lemnos.domains.agents.model import Breaker, BreakerState
from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.kernel.clock import SECOND

FAILURES_TO_OPEN = 5
SUCCESSES_TO_CLOSE = 3
OPEN_FOR = 60 * SECOND
NOT_ITS_FAULT = frozenset({ErrorClass.BUDGET, ErrorClass.UNSUITED})
# [ours] Who was to tell how a trial ended may have died for good. After this long nobody waits.
TRIAL_LEASE = 3600 * SECOND


def allows(breaker: Breaker, now: int) -> bool:
    """Whether an attempt may begin now."""
    if breaker.state is BreakerState.OPEN:
        return breaker.opened_at is None or now - breaker.opened_at >= OPEN_FOR
    if breaker.state is BreakerState.HALF_OPEN and breaker.trial:
        return breaker.trial_at is None or now - breaker.trial_at >= TRIAL_LEASE
    return True


def blocked(breaker: Breaker, now: int) -> bool:
    """Whether it is open for now, so that not even a trial may be waited for."""
    return breaker.state is BreakerState.OPEN and not allows(breaker, now)


def began(breaker: Breaker, attempt_id: str, now: int) -> Breaker:
    """The breaker once an attempt that it allowed has begun: unless closed, that is its trial."""
    if breaker.state is BreakerState.CLOSED:
        return breaker
    successes = breaker.successes if breaker.state is BreakerState.HALF_OPEN else 0
    return Breaker(
        BreakerState.HALF_OPEN,
        successes=successes,
        opened_at=breaker.opened_at,
        trial=attempt_id,
        trial_at=now,
    )


def ended(breaker: Breaker, attempt_id: str, success: bool | None, now: int) -> Breaker:
    """The breaker once an attempt has ended; ``success`` None: it says nothing of the agent.

    What began before the breaker opened comes too late to be counted.
    """
    if breaker.state is BreakerState.CLOSED:
        return _counted(breaker, success, now)
    if breaker.state is BreakerState.OPEN or breaker.trial != attempt_id:
        return breaker
    if success is None:
        return replace(breaker, trial="", trial_at=None)
    return _tried(breaker, success, now)


def says(result: RunResult) -> bool | None:
    """Whether a run speaks for its agent or against it; None: for neither.

    Cancelled by a person, over the budget of its task, or given work that it is not made for: that
    is not the agent's failure.
    """
    if result.verdict is Verdict.COMPLETED:
        return True
    if result.verdict in (Verdict.CANCELLED, Verdict.OVER_BUDGET):
        return None
    return None if result.error_class in NOT_ITS_FAULT else False


def _counted(breaker: Breaker, success: bool | None, now: int) -> Breaker:
    if success is None:
        return breaker
    if success:
        return Breaker() if breaker.failures else breaker
    failures = breaker.failures + 1
    if failures < FAILURES_TO_OPEN:
        return replace(breaker, failures=failures)
    return _opened(failures, now)


def _tried(breaker: Breaker, success: bool, now: int) -> Breaker:
    if not success:
        return _opened(FAILURES_TO_OPEN, now)
    successes = breaker.successes + 1
    if successes >= SUCCESSES_TO_CLOSE:
        return Breaker()
    return replace(breaker, successes=successes, trial="", trial_at=None)


def _opened(failures: int, now: int) -> Breaker:
    return Breaker(BreakerState.OPEN, failures=failures, opened_at=now)
