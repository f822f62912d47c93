"""What callbacks, webhooks and pull requests tell of the gates of a task."""

from __future__ import annotations

import json

from lemnos.domains.tasks.callbacks import callback
from lemnos.domains.tasks.gating import GateRecord, Stage
from lemnos.domains.tasks.model import Status, Task, TaskConfig
from lemnos.domains.tasks.pull_requests import _verdicts
from lemnos.domains.tasks.routing.announcements import announced

REPORT = {
    "success": True,
    "duration": 1.0,
    "gates": [
        {
            "name": "tests",
            "passed": True,
            "message": "14 passed @everyone",
            "duration": 1.0,
            "metadata": {"verdict": "passed", "findings": []},
        }
    ],
}
RECORD = GateRecord(
    success=True,
    repairs=2,
    stopped="passed",
    report=REPORT,
    weakened=("a.py: noqa `was` added",),
    stage=Stage.SETTLED,
)


def task(gates: GateRecord | None) -> Task:
    return Task(
        id="01a204e4-2270-79f1-a96f-fc8fff5f5922",
        tenant="default",
        created_by="somebody",
        status=Status.COMPLETED,
        repo_url="https://github.com/u/r.git",
        prompt="Do it.",
        current_prompt="Do it.",
        iteration=1,
        config=TaskConfig(),
        provider_key="",
        callback_url="https://example.com/hook",
        created_at=0,
        trace_id="0" * 32,
        gates=gates,
    )


def test_callbacks_and_webhooks_tell_the_verdicts_in_short() -> None:
    delivery = callback(task(RECORD), b"secret")
    assert delivery is not None
    gates = json.loads(delivery.body)["gates"]
    assert (gates["success"], gates["repairs"]) == (True, 2)
    assert [gate["verdict"] for gate in gates["gates"]] == ["passed"]
    assert "report" not in gates
    assert announced(task(RECORD))["gates"] == gates


def test_a_task_without_gates_is_told_as_the_document_has_it() -> None:
    delivery = callback(task(None), b"secret")
    assert delivery is not None
    assert "gates" not in json.loads(delivery.body)
    assert _verdicts(task(None)) == ""


def test_a_pull_request_shows_verdicts_repairs_and_what_was_weakened() -> None:
    text = _verdicts(task(RECORD))
    assert "**Quality gates: passed**" in text
    assert "`14 passed @everyone`" in text  # mentions nobody
    assert "The agent was sent back 2 times" in text
    assert "- `a.py: noqa 'was' added`" in text
