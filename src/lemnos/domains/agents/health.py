"""How healthy an agent is, from probes, its breaker and what its attempts came to. Pure.

[ours] An agent is offline while the last probe says that it cannot work at all: its runtime is not
installed, there is no key, the key is not valid (401), or the model endpoint cannot be reached.
Else it is healthy with under 10 % of errors in the last 24 hours, degraded with under 50 %, and
unhealthy beyond; a refused list of models (403) or failing endpoint (5xx) makes it unhealthy, an
exhausted limit (429) degraded, an open breaker unhealthy, a half-open one degraded.
"""

from __future__ import annotations

from lemnos.domains.agents.model import Breaker, BreakerState, Health, Probe
from lemnos.domains.agents.ports import ModelAnswer
from lemnos.kernel.clock import SECOND

WINDOW = 24 * 3600 * SECOND  # over which errors, uptime and response times are taken
DEGRADED_FROM, UNHEALTHY_FROM = 0.1, 0.5  # shares of errors

# As the routing score counts health.
FACTORS = {
    Health.HEALTHY: 1.0,
    Health.DEGRADED: 0.7,
    Health.UNHEALTHY: 0.3,
    Health.OFFLINE: 0.0,
}
_BY_BREAKER = {
    BreakerState.CLOSED: Health.HEALTHY,
    BreakerState.HALF_OPEN: Health.DEGRADED,
    BreakerState.OPEN: Health.UNHEALTHY,
}


def health_of(probe: Probe | None, breaker: Breaker, error_rate: float | None) -> Health:
    """The worst of what the last probe, the breaker and the share of errors say."""
    said = (
        Health.HEALTHY if probe is None else probe.status,
        _BY_BREAKER[breaker.state],
        of_errors(error_rate),
    )
    return min(said, key=FACTORS.__getitem__)


def of_errors(error_rate: float | None) -> Health:
    """What a share of errors makes of an agent; None: it has not worked yet."""
    if error_rate is None or error_rate < DEGRADED_FROM:
        return Health.HEALTHY
    return Health.DEGRADED if error_rate < UNHEALTHY_FROM else Health.UNHEALTHY


def of_answer(answer: ModelAnswer) -> tuple[Health, str]:
    """What a model endpoint's answer makes of an agent, and the problem in words.

    Any answer but those named is one: an endpoint need not have a list of models.
    """
    status = answer.status
    if status is None:
        return Health.OFFLINE, answer.problem or "the model endpoint did not answer"
    if status == 401:
        return Health.OFFLINE, "the model endpoint does not accept the API key (401)"
    if status == 403:
        return Health.UNHEALTHY, "the model endpoint refuses the API key its list of models (403)"
    if status == 429:
        return Health.DEGRADED, "the model endpoint's rate limit is exhausted (429)"
    if status >= 500:
        return Health.UNHEALTHY, f"the model endpoint fails ({status})"
    return Health.HEALTHY, ""
