"""The Python SDK's ORCHEX client against a running server, with agents that need no model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lemnos_sdk import (
    ORCHEX,
    AsyncORCHEX,
    ConflictError,
    NotFoundError,
    TaskCancelledError,
    TaskFailedError,
    ValidationError,
    webhooks,
)
from tests.sdk.relay import Relay
from tests.support.server import LemnosServer
from tests.support.server_fixtures import MakeServer
from tests.support.shell import sample_repository
from tests.support.sink import WebhookSink

pytestmark = pytest.mark.e2e
TIDY = "Remove the unused imports."


@pytest.fixture(scope="module")
def client(server: LemnosServer) -> Iterator[ORCHEX]:
    with ORCHEX(server.key, base_url=server.url) as made:
        for agent_id in ("smith", "tinker"):
            made.agents.register(
                agent_id=agent_id,
                name=agent_id.title(),
                provider="builtin",
                capabilities=["refactoring", "debugging"],
                config={"retry_policy": {"max_retries": 0}},
            )
        yield made


@pytest.fixture(scope="module")
def repository(server: LemnosServer) -> str:
    """A repository that the server may clone: under its working folder."""
    return str(sample_repository(server.folder / "order-desk"))


def test_the_registry(client: ORCHEX) -> None:
    made = client.agents.register(
        agent_id="third",
        name="Third",
        provider="builtin",
        capabilities=["testing"],
        constraints={"max_concurrent_tasks": 2, "cost_per_1k_tokens": 0.003},
        config={"base_weight": 1.5, "team": "blue"},
    )
    assert made.status == "registered"
    with pytest.raises(ConflictError) as taken:
        client.agents.register(agent_id="third", name="Third", provider="builtin")
    assert taken.value.reason == "agent_exists"
    assert [agent.agent_id for agent in client.agents.list(capability="testing")] == ["third"]
    assert len(list(client.agents.list(limit=1))) >= 3
    client.agents.update("third", constraints={"max_concurrent_tasks": 3}, status="inactive")
    found = client.agents.get("third")
    assert found.constraints is not None
    assert found.config is not None
    assert found.constraints.max_concurrent_tasks == 3
    assert found.constraints.cost_per_1k_tokens == 0.003
    assert (found.config["base_weight"], found.config["team"]) == (1.5, "blue")
    client.agents.delete("third")
    with pytest.raises(NotFoundError):
        client.agents.get("third")


def test_a_task_from_submission_to_feedback(client: ORCHEX, repository: str) -> None:
    task = client.tasks.submit(
        type="refactoring",
        description=TIDY,
        context={"repository_path": repository},
        requirements={"priority": "high"},
        metadata={"user_id": "ada"},
        agent_id="smith",
    )
    result = task.wait(timeout=60)
    assert result.diff is not None
    assert "-import sys" in result.diff
    assert task.details is not None
    assert (task.details.agent_id, task.details.tier, task.details.attempts) == ("smith", 0, 1)
    assert task.diff().diff
    routing = task.routing()
    assert [one.agent_id for one in routing.attempts] == ["smith"]
    assert routing.decision is not None
    assert routing.decision.candidates[0].terms.capability == 100
    assert task.feedback("approved", comment="good").verdict == "approved"
    events = list(task.events())
    assert [int(event.id) for event in events[1:-1]] == list(range(1, len(events) - 1))
    again = task.retry(agent_id="tinker")
    assert again.task_id != task.task_id
    assert again.wait().diff
    listed = [one.task_id for one in client.tasks.list(user_id="ada", limit=1)]
    assert task.task_id in listed


def test_a_wait_over_a_network_that_is_cut(
    server: LemnosServer, client: ORCHEX, repository: str
) -> None:
    with (
        Relay(server.url, cut_after=2_500) as relay,
        ORCHEX(server.key, base_url=relay.url) as far,
    ):
        task = client.tasks.submit(
            type="debugging",
            description="run: for i in $(seq 100); do echo line $i; done; echo x > x",
            context={"repository_path": repository},
        )
        numbers = [int(event.id) for event in far.tasks.events(task.task_id) if event.id]
        assert numbers == list(range(1, len(numbers) + 1))
        assert relay.cuts > 1


def test_failure_and_cancel(client: ORCHEX, repository: str) -> None:
    task = client.tasks.submit(
        type="debugging", description="run: exit 3", context={"repository_path": repository}
    )
    with pytest.raises(TaskFailedError) as failed:
        task.wait()
    assert {one.agent_id for one in failed.value.attempts} <= {"smith", "tinker"}
    assert all(one.error for one in failed.value.attempts)
    assert failed.value.attempts
    slow = client.tasks.submit(
        type="debugging", description="run: sleep 60", context={"repository_path": repository}
    )
    next(event for event in slow.events() if event.event == "cli_started")
    assert slow.cancel().status in ("cancelled", "cancelling")
    with pytest.raises(TaskCancelledError):
        slow.wait()


def test_routing_metrics_and_health(client: ORCHEX) -> None:
    decision = client.route(
        type="refactoring",
        requirements={"required_capabilities": ["refactoring"]},
        constraints={"excluded_agents": ["tinker"]},
    )
    assert decision.agent_id == "smith"
    assert "tinker" in [one.agent_id for one in decision.left_out]
    assert client.metrics.get(period="1h").period == "1h"
    assert client.metrics.agent("smith", detailed=True).breakdown is not None
    assert client.system.health().agents.total >= 2
    assert client.system.status().queue.queued_tasks >= 0
    with pytest.raises(ValidationError) as invalid:
        client.tasks.submit(type="poetry", description="x")
    assert invalid.value.field == "type"
    with pytest.raises(ValidationError):
        client.metrics.get(period="2w")


def test_from_an_analysis_to_a_refactoring(client: ORCHEX, repository: str) -> None:
    started = client.analyze(repository_path=repository, options={"max_opportunities": 50})
    analysis = client.analyses.wait(started.analysis_id, timeout=90)
    assert analysis.summary is not None
    assert analysis.summary.files_analyzed > 0
    files = list(client.analyses.files(started.analysis_id, limit=2))
    assert len(files) == analysis.summary.total_files
    assert started.analysis_id in [one.analysis_id for one in client.analyses.list(limit=1)]
    assert analysis.opportunities
    begun = client.refactor(analysis.opportunities[0].opportunity_id, dry_run=True)
    found = client.refactorings.wait(begun.refactoring_id, timeout=90)
    assert found.status in ("completed", "rolled_back")
    assert found.dry_run
    assert begun.refactoring_id in [one.refactoring_id for one in client.refactorings.list()]


def test_webhooks(client: ORCHEX, sink: WebhookSink) -> None:
    hook = client.webhooks.create(url=f"{sink.url}/hook", events=["task.completed"])
    assert hook.secret
    delivery = client.webhooks.test(hook.webhook_id)
    (request,) = sink.wait_for(1)
    assert webhooks.verify(request.body, request.headers, hook.secret)["event"] == "webhook.test"
    rotated = client.webhooks.rotate(hook.webhook_id, overlap_seconds=600)
    assert rotated.secret
    client.webhooks.test(hook.webhook_id)
    second = sink.wait_for(2)[1]
    for secret in (hook.secret, rotated.secret):
        assert webhooks.verify(second.body, second.headers, secret)
    assert delivery.delivery_id in [
        one.delivery_id for one in client.webhooks.deliveries(hook.webhook_id)
    ]
    client.webhooks.update(hook.webhook_id, active=False)
    assert client.webhooks.get(hook.webhook_id).active is False
    assert [one.webhook_id for one in client.webhooks.list()] == [hook.webhook_id]
    client.webhooks.delete(hook.webhook_id)
    assert client.webhooks.list() == []


def test_the_documented_burst_limit_is_waited_for(make_server: MakeServer) -> None:
    """Fifty at once, then about one a second: the client waits as it is told."""
    server = make_server(env={"LEMNOS_RATE_LIMITS": "on"}).start()
    with ORCHEX(server.key, base_url=server.url) as client:
        for _ in range(52):
            assert list(client.agents.list()) == []
    assert '"status":429' in server.log


async def test_the_asynchronous_client(
    server: LemnosServer, client: ORCHEX, repository: str
) -> None:
    async with AsyncORCHEX(server.key, base_url=server.url) as orchex:
        task = await orchex.tasks.submit(
            type="refactoring", description=TIDY, context={"repository_path": repository}
        )
        result = await task.wait(timeout=60)
        assert result.diff
        assert (await task.routing()).attempts
        assert task.task_id in [one.task_id async for one in orchex.tasks.list(limit=2)]
        started = await orchex.analyze(repository_path=repository, analysis_type="quick")
        assert (await orchex.analyses.wait(started.analysis_id)).status == "completed"
