"""What people see of ORCHEX's answers: the documented examples, as every command prints them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lemnos.api.orchex.examples import (
    agents,
    analysis,
    metrics,
    refactoring,
    routing,
    tasks,
    webhooks,
)
from tests.support.loopback import LoopbackServer, Reply, Request

TASK = f"task_{'a' * 32}"
ANALYSIS, REFACTORING = "analysis_xyz789", "refactor_456"
HOOK = "webhook_1"
ANSWERS: Mapping[tuple[str, str], Mapping[int | str, Any]] = {
    ("GET", "/v1/agents"): agents.AGENTS,
    ("GET", "/v1/agents/a"): agents.AGENT,
    ("POST", "/v1/agents"): agents.REGISTERED,
    ("PUT", "/v1/agents/a"): agents.AGENT,
    ("POST", "/v1/route"): routing.DECISION,
    ("POST", "/v1/tasks"): tasks.SUBMITTED,
    ("GET", "/v1/tasks"): tasks.TASKS,
    ("GET", f"/v1/tasks/{TASK}/routing"): routing.ROUTING,
    ("POST", f"/v1/tasks/{TASK}/retry"): tasks.RETRIED,
    ("POST", f"/v1/tasks/{TASK}/feedback"): tasks.JUDGED,
    ("POST", "/v1/analyze"): analysis.STARTED,
    ("GET", "/v1/analyze"): analysis.ANALYSES,
    ("GET", f"/v1/analyze/{ANALYSIS}"): analysis.ANALYSIS,
    ("POST", "/v1/refactor"): refactoring.STARTED,
    ("GET", "/v1/refactor"): refactoring.REFACTORINGS,
    ("GET", f"/v1/refactor/{REFACTORING}"): refactoring.REFACTORING,
    ("DELETE", f"/v1/refactor/{REFACTORING}"): refactoring.CANCELLED,
    ("GET", "/v1/metrics"): metrics.SYSTEM,
    ("GET", "/v1/metrics/agents/a"): metrics.AGENT,
    ("POST", "/v1/webhooks"): webhooks.ROTATED,
    ("GET", "/v1/webhooks"): webhooks.WEBHOOKS,
    ("GET", f"/v1/webhooks/{HOOK}"): webhooks.WEBHOOK,
    ("PUT", f"/v1/webhooks/{HOOK}"): webhooks.WEBHOOK,
    ("POST", f"/v1/webhooks/{HOOK}/test"): webhooks.ACCEPTED,
    ("POST", f"/v1/webhooks/{HOOK}/rotate"): webhooks.ROTATED,
    ("GET", f"/v1/webhooks/{HOOK}/deliveries"): webhooks.DELIVERIES,
    ("POST", "/v1/webhooks/deliveries/dlv_1/redeliver"): webhooks.ACCEPTED,
}


class Documented(LoopbackServer):
    """Answers as the documentation does."""

    def answer(self, request: Request) -> Reply:
        if request.method == "DELETE" and (request.method, request.path) not in ANSWERS:
            return Reply(204)
        ((status, told),) = ANSWERS[request.method, request.path].items()
        return Reply.json(told["content"]["application/json"]["example"], int(status))


@pytest.fixture
def documented(monkeypatch, lemnos) -> Iterator[Documented]:
    with Documented() as running:
        monkeypatch.setenv("LEMNOS_URL", running.url)
        monkeypatch.setenv("LEMNOS_API_KEY", "lk_x")
        monkeypatch.setenv("MINE", "secret of mine")
        yield running


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("agents list", ["claude-sonnet-4", "anthropic"]),
        ("agents show a", ["Claude Sonnet 4", "breaker"]),
        ("agents register a --provider anthropic", ["registered"]),
        ("agents update a --weight 2", ["is changed"]),
        ("agents health", ["claude-sonnet-4"]),
        ("agents remove a --force", ["is removed"]),
        ("route --type code_review", ["tier", "capability", "left out"]),
        ("tasks submit --description x", ["task_abc123def456", "queued"]),
        (f"tasks routing {TASK}", ["attempts", "tokens in / out"]),
        (f"tasks retry {TASK} --priority high", ["task_def456 is queued"]),
        (f"tasks feedback {TASK} approved", ["Noted: approved"]),
        ("tasks list", ["code_generation", "claude-sonnet-4"]),
        (f"analyses show {ANALYSIS} --worst 3", ["src/utils/helpers.js", "worst files"]),
        ("analyses list", [ANALYSIS]),
        ("analyze https://example.org/r.git --no-wait", [ANALYSIS]),
        (f"refactorings show {REFACTORING}", ["✓ syntax_validation", "chaos"]),
        ("refactorings list", [REFACTORING]),
        (f"refactorings cancel {REFACTORING}", ["cancelled"]),
        ("refactor opp_123 --no-wait", [REFACTORING]),
        ("metrics --period 24h", ["342", "claude-sonnet-4"]),
        ("metrics --agent a", ["claude-sonnet-4"]),
        ("webhooks create https://example.org --event task.failed", ["not shown again"]),
        ("webhooks list", ["task.completed"]),
        (f"webhooks show {HOOK}", ["events"]),
        (f"webhooks update {HOOK} --off", ["state"]),
        (f"webhooks test {HOOK}", ["goes out"]),
        (f"webhooks rotate {HOOK} --secret-env MINE", ["secret"]),
        (f"webhooks deliveries {HOOK}", ["delivered"]),
        ("webhooks redeliver dlv_1", ["goes out again"]),
        (f"webhooks delete {HOOK}", ["is deleted"]),
    ],
)
def test_what_people_see(documented, lemnos, typed: str, seen: list[str]):
    ran = lemnos(*typed.split())
    assert ran.code == 0, ran.err
    for text in seen:
        assert text in ran.out
    assert "None" not in ran.out
    assert "{" not in ran.out
