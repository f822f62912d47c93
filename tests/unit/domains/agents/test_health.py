"""How healthy an agent is."""

from __future__ import annotations

import pytest

from lemnos.domains.agents.health import FACTORS, health_of, of_answer, of_errors
from lemnos.domains.agents.model import Breaker, BreakerState, Health, Probe
from lemnos.domains.agents.ports import ModelAnswer

HEALTHY, DEGRADED, UNHEALTHY, OFFLINE = Health


@pytest.mark.parametrize(
    ("rate", "health"),
    [
        (None, HEALTHY),
        (0.0, HEALTHY),
        (0.099, HEALTHY),
        (0.1, DEGRADED),
        (0.49, DEGRADED),
        (0.5, UNHEALTHY),
        (1.0, UNHEALTHY),
    ],
)
def test_by_the_share_of_errors(rate: float | None, health: Health):
    assert of_errors(rate) is health


@pytest.mark.parametrize(
    ("status", "health"),
    [
        (200, HEALTHY),
        (404, HEALTHY),
        (405, HEALTHY),
        (302, HEALTHY),
        (401, OFFLINE),
        (403, UNHEALTHY),
        (429, DEGRADED),
        (500, UNHEALTHY),
        (503, UNHEALTHY),
        (None, OFFLINE),
    ],
)
def test_by_the_endpoints_answer(status: int | None, health: Health):
    found, problem = of_answer(ModelAnswer(status))
    assert found is health
    assert bool(problem) is (health is not HEALTHY)


@pytest.mark.parametrize(
    ("probed", "breaker", "rate", "health"),
    [
        (None, BreakerState.CLOSED, None, HEALTHY),
        (HEALTHY, BreakerState.CLOSED, 0.2, DEGRADED),
        (HEALTHY, BreakerState.OPEN, 0.0, UNHEALTHY),
        (HEALTHY, BreakerState.HALF_OPEN, 0.0, DEGRADED),
        (UNHEALTHY, BreakerState.CLOSED, 0.0, UNHEALTHY),
        (OFFLINE, BreakerState.CLOSED, 0.0, OFFLINE),
        (DEGRADED, BreakerState.CLOSED, 0.9, UNHEALTHY),
    ],
)
def test_the_worst_of_all_counts(
    probed: Health | None, breaker: BreakerState, rate: float | None, health: Health
):
    probe = None if probed is None else Probe(0, probed)
    assert health_of(probe, Breaker(breaker), rate) is health


def test_factors_as_published():
    assert [FACTORS[health] for health in Health] == [1.0, 0.7, 0.3, 0.0]
