"""Probes of model endpoints over real HTTP; what their answers mean is the agents domain's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lemnos.adapters.net import GuardedTransport, NetGuard
from lemnos.domains.agents.ports import ModelAccess
from lemnos.runners.gateway.probe import HttpModelProbe
from tests.support.model_endpoint import ModelEndpoint


@pytest.fixture
async def probe() -> AsyncIterator[HttpModelProbe]:
    """The operator's endpoints may be on this machine, those of callers not."""
    loopback = NetGuard(("127.0.0.1",))
    made = HttpModelProbe(GuardedTransport(loopback), GuardedTransport(NetGuard()))
    yield made
    await made.close()


async def test_the_scripted_endpoint_lists_its_models(probe: HttpModelProbe):
    with ModelEndpoint() as endpoint:
        for access in (
            ModelAccess("anthropic", endpoint.url, "key"),
            ModelAccess("openai", f"{endpoint.url}/v1", "key"),
        ):
            answer = await probe.ask(access)
            assert (answer.status, answer.problem) == (200, "")
            assert answer.duration_ms > 0


async def test_an_endpoint_that_a_caller_named_may_not_be_in_the_private_network(probe):
    with ModelEndpoint() as endpoint:
        answer = await probe.ask(ModelAccess("openai", endpoint.url, "key", outside=True))
    assert answer.status is None
    assert "not on the public internet" in answer.problem


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "not a url", "http://[::1"])
async def test_nobody_is_there(probe: HttpModelProbe, url: str):
    answer = await probe.ask(ModelAccess("openai", url, "secret-key"))
    assert answer.status is None
    assert answer.problem.startswith("the model endpoint cannot be reached: ")
    assert "secret-key" not in answer.problem
