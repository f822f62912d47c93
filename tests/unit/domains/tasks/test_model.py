"""The states of a task: no way but the allowed ones, whatever is asked in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.domains.agents.ports import Usage as RunUsage
from lemnos.domains.tasks.finish import STATUS, ending_of, with_changes
from lemnos.domains.tasks.model import (
    RESTING,
    PullRequestAsked,
    Status,
    Task,
    TaskConfig,
    Usage,
    branch_name,
    demand,
    pull_request_title,
    resting,
)
from lemnos.kernel.errors import Conflict

S = Status
# As people know them; the code's own table is not looked at.
AT_WORK = {S.PENDING, S.CLONING, S.RUNNING, S.AWAITING_INSTRUCTION, S.CREATING_PR}
TASK = Task(
    id="550e8400-e29b-41d4-a716-446655440000",
    tenant="acme",
    created_by="me",
    status=S.COMPLETED,
    repo_url="https://github.com/u/r.git",
    prompt="Fix it",
    current_prompt="Fix it",
    iteration=1,
    config=TaskConfig(),
    provider_key="",
    callback_url="",
    created_at=0,
    trace_id="",
)


def may(status: Status, wanted: Status) -> bool:
    try:
        demand(status, wanted)
    except Conflict:
        return False
    return True


class Life(RuleBasedStateMachine):
    """A task to which anything is tried at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.status = S.PENDING
        self.seen = [S.PENDING]

    @rule(wanted=st.sampled_from(list(Status)))
    def move(self, wanted: Status) -> None:
        if may(self.status, wanted):
            self.status = wanted
            self.seen.append(wanted)

    @invariant()
    def the_past_makes_sense(self) -> None:
        if self.status is S.RUNNING:
            assert self.seen[-2] in {S.PENDING, S.CLONING, S.AWAITING_INSTRUCTION}
        if self.status is S.PR_CREATED:
            assert self.seen[-2] is S.CREATING_PR
        if self.status is S.CREATING_PR:
            assert self.seen[-2] in {S.COMPLETED, S.PAUSED, S.PR_CREATED}
        if self.status is S.AWAITING_INSTRUCTION:
            assert self.seen[-2] in RESTING
        if self.status is S.PENDING and len(self.seen) > 1:
            # It is parked between two attempts.
            assert self.seen[-2] in {S.CLONING, S.RUNNING, S.AWAITING_INSTRUCTION}

    @invariant()
    def it_is_never_stuck(self) -> None:
        assert any(may(self.status, wanted) for wanted in Status)


TestLife = Life.TestCase


def test_what_rests_and_what_is_at_work():
    assert {status for status in Status if not resting(status)} == AT_WORK


@pytest.mark.parametrize("status", sorted(AT_WORK - {S.CREATING_PR}))
def test_what_is_at_work_can_be_cancelled_and_can_fail(status: Status):
    assert may(status, S.CANCELLED)
    assert may(status, S.FAILED)


@pytest.mark.parametrize("status", sorted(RESTING))
def test_what_rests_takes_an_instruction_and_nothing_else_of_an_iteration(status: Status):
    assert may(status, S.AWAITING_INSTRUCTION)
    assert not any(may(status, s) for s in (S.PENDING, S.CLONING, S.RUNNING, S.CANCELLED))


def test_a_refusal_says_whether_waiting_helps():
    with pytest.raises(Conflict) as busy:
        demand(S.RUNNING, S.AWAITING_INSTRUCTION)
    assert busy.value.code == "task_busy"
    with pytest.raises(Conflict) as resting_already:
        demand(S.FAILED, S.CREATING_PR)
    assert resting_already.value.code == "task_state"
    assert resting_already.value.details == {"status": "failed"}


@given(
    st.lists(
        st.builds(
            Usage,
            st.integers(0, 9),
            st.integers(0, 9),
            st.just(1.0),
            st.none() | st.integers(0, 9).map(float),
        ),
        min_size=1,
    )
)
def test_usage_adds_up_and_an_unknown_cost_hides_no_known_one(parts: list[Usage]):
    total = Usage()
    for part in parts:
        total = total.plus(part)
    assert total.input_tokens == sum(part.input_tokens for part in parts)
    assert total.duration_seconds == len(parts)
    known = [part.cost_usd for part in parts if part.cost_usd is not None]
    assert total.cost_usd == (sum(known) if known else None)


def test_branches_are_named_by_the_task_and_numbered_on_collision():
    assert [branch_name(TASK.id, n) for n in (1, 2, 11)] == [
        "codeforge/task-550e8400",
        "codeforge/task-550e8400-2",
        f"codeforge/task-550e8400-{0x55440000 + 11}",
    ]


@pytest.mark.parametrize(
    ("prompt", "asked", "title"),
    [
        ("Fix it", "Mine", "Mine"),
        ("Fix it\n\nplease", "", "Fix it"),
        ("  \n Fix it", "", "Fix it"),
        ("x" * 100, "", "x" * 71 + "…"),
        ("x" * 72, "", "x" * 72),
        (" ", "", "Changes by Lemnos"),
    ],
)
def test_a_pull_request_s_title(prompt: str, asked: str, title: str):
    assert pull_request_title(replace(TASK, prompt=prompt), PullRequestAsked(asked)) == title


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_ends_an_iteration_in_a_state_of_rest(verdict: Verdict):
    result = RunResult(
        verdict, "text", "error", ErrorClass.NETWORK, RunUsage(3, 4, 0.5), "session", 2, 1.5
    )
    ending = with_changes(ending_of(result), {"files_changed": 1, "insertions": 2, "deletions": 3})
    assert ending.status is STATUS[verdict]
    assert resting(ending.status)
    assert may(S.RUNNING, ending.status)
    assert ending.error_class == ("" if verdict is Verdict.COMPLETED else "network")
    assert ending.usage == Usage(3, 4, 1.5, 0.5)
    assert ending.changes is not None
    assert ending.changes.insertions == 2
