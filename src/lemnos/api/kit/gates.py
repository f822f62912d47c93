"""Gates of a task, as CodeForge and ORCHEX both have them: asked for, and what they said."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from lemnos.api.kit.fields import Request, Text
from lemnos.domains.tasks.gating import MOST_ATTEMPTS, GatesAsked

GateName = Annotated[Text, Field(min_length=1, max_length=100)]


class TaskGates(Request):
    """The gates that judge a task's work before it ends, and how often it may be mended.

    ``profile`` and ``gates`` select them, as the project names them; without either: what it
    configures, else all. ``attempts``: how often the agent is sent back with what they found;
    ``budget_usd``: what that may cost. ``required``: the task fails when they do not pass.
    What the repository had before the task does not count against it, unless ``strict``.
    """

    profile: Annotated[Text, Field(max_length=100)] = ""
    gates: Annotated[list[GateName], Field(max_length=50, default_factory=list)]
    attempts: Annotated[int, Field(ge=0, le=MOST_ATTEMPTS)] = 2
    budget_usd: Annotated[float, Field(gt=0, le=1_000_000, strict=False)] | None = None
    required: bool = True
    strict: bool = False


def _spelled_out(said: Any) -> Any:
    """``true`` for all as it is by default, a name for a profile, ``false`` for no gates."""
    if said is True:
        return {}
    if isinstance(said, str) and said:
        return {"profile": said}
    return None if said is False else said


Gates = Annotated[
    TaskGates | None,
    BeforeValidator(_spelled_out, json_schema_input_type=bool | GateName | TaskGates | None),
]


class GateSummary(BaseModel):
    """One gate in short; ``verdict`` says why one that did not pass has not."""

    name: str
    passed: bool
    verdict: str
    message: str


class TaskGatesSaid(BaseModel):
    """How the gates judged a task's work. ``stage``: what goes on now, or ``settled``.

    ``repairs``: how often the agent was sent back, ``spent_usd`` what that cost. ``stopped``: why
    it was not sent back again: passed, attempts, budget, cancelled, agent, unable or invalid.
    ``weakened``: where the change takes from the checks themselves. ``report``: all verdicts, in
    the shape of ``POST /api/v1/quality/guard-rails``; in lists ``gates`` alone.
    """

    success: bool
    stage: str
    repairs: int
    spent_usd: float | None
    stopped: str | None
    problem: str | None
    weakened: list[str]
    gates: list[GateSummary]
    report: dict[str, Any] | None = None


GATES_SAID = {
    "success": True,
    "stage": "settled",
    "repairs": 1,
    "spent_usd": 0.004,
    "stopped": "passed",
    "problem": None,
    "weakened": [],
    "gates": [
        {"name": "lint", "passed": True, "verdict": "passed", "message": "No findings."},
        {"name": "tests", "passed": True, "verdict": "passed", "message": "14 tests passed."},
    ],
    "report": {
        "success": True,
        "gates": [
            {
                "name": "tests",
                "passed": True,
                "message": "14 tests passed.",
                "duration": 5.2,
                "metadata": {"verdict": "passed", "tool": "pytest"},
            }
        ],
        "duration": 6.1,
    },
}


def asked(body: TaskGates | None) -> GatesAsked | None:
    """The request as the domain takes it."""
    if body is None:
        return None
    names = tuple(dict.fromkeys(body.gates))
    return GatesAsked(
        body.profile, names, body.attempts, body.budget_usd, body.required, body.strict
    )


def shown_request(found: GatesAsked | None) -> dict[str, object] | None:
    """What was asked for, in full."""
    if found is None:
        return None
    return {
        "profile": found.profile,
        "gates": list(found.gates),
        "attempts": found.attempts,
        "budget_usd": found.budget_usd,
        "required": found.required,
        "strict": found.strict,
    }
