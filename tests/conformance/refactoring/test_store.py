"""Refactorings as they are kept, and how they follow their tasks, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from lemnos.domains.quality.safety import Check, CheckResult, Outcome, SafetyReport
from lemnos.domains.refactoring.following import Follower
from lemnos.domains.refactoring.model import (
    Changed,
    Effect,
    NewRefactoring,
    OpenedPullRequest,
    PullRequestOptions,
    Refactoring,
    Status,
)
from lemnos.domains.refactoring.store import RefactoringStore
from lemnos.domains.tasks.model import Changes, Task, TaskConfig, TaskType
from lemnos.domains.tasks.model import Status as TaskStatus
from lemnos.engine import Job
from lemnos.platform.db import Database, Tx

ASKED = NewRefactoring("opp_1", pull_request=PullRequestOptions(branch="b"), agent_id="me")
ONE = Refactoring(
    "refactor_1", "t", "ada", Status.QUEUED, ASKED, "analysis_1", "/r", "a.py", 10, task_id="task-1"
)
REPORT = SafetyReport((CheckResult(Check.TESTS, Outcome.FAILED, "pytest", "no", ("x",), 1.5),))
FULL = replace(
    ONE,
    id="refactor_2",
    status=Status.COMPLETED,
    created_at=20,
    task_id="task-2",
    method="builtin",
    diff="diff --git a/ü b/ü\n",
    changed=Changed(1, 2, 3),
    report=REPORT,
    effect=Effect(30.0, 50.5, 40.25, 14, 6),
    pull_request=OpenedPullRequest("http://h/1", 1, "T", "b"),
    error="e",
    error_class="c",
    trace_id="f" * 32,
    started_at=21,
    ended_at=25,
)
TASK = Task(
    "task-1", "t", "ada", TaskStatus.COMPLETED, "/r", "p", "p", 1, TaskConfig(), "", "", 10, "",
    type=TaskType.REFACTORING, changes=Changes(1, 2, 3), runtime="builtin",
)  # fmt: skip


class Jobs:
    """An engine's ears."""

    def __init__(self) -> None:
        self.asked: list[Job] = []

    async def enqueue(self, _tx: Tx, job: Job) -> None:
        self.asked.append(job)


class Ears:
    """An announcer's ears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Mapping[str, object]]] = []

    async def announce(self, _tx: Tx, _tenant: str, event: str, data: Mapping[str, object]) -> None:
        self.heard.append((event, data))


async def _kept(db: Database, *refactorings: Refactoring) -> RefactoringStore:
    store = RefactoringStore(db)
    for each in refactorings:
        await db.write(partial(store.add, refactoring=each))
    return store


async def _rests(db: Database, refactoring: Refactoring, task: Task) -> tuple[Any, Jobs, Ears]:
    """The refactoring after its task came to rest, and what was asked and told by that."""
    store, jobs, ears = await _kept(db, refactoring), Jobs(), Ears()
    follower = Follower(store, jobs, ears)  # type: ignore[arg-type]  # all that it calls is there
    await db.write(lambda tx: follower(tx, task))
    return await store.get("t", refactoring.id), jobs, ears


async def test_everything_comes_back_as_it_was(db: Database) -> None:
    store = await _kept(db, ONE, FULL)

    assert await store.get("t", ONE.id) == ONE
    assert await store.get("t", FULL.id) == FULL
    assert await store.get("others", ONE.id) is None
    assert await db.write(lambda tx: store.of_task(tx, "t", "task-2")) == FULL


async def test_the_newest_come_first(db: Database) -> None:
    store = await _kept(db, ONE, FULL, replace(ONE, id="refactor_0", tenant="others"))

    page = await store.page("t", 1, 0)

    assert ([each.id for each in page.items], page.total) == ([FULL.id], 2)
    assert [each.id for each in (await store.page("t", 5, 1)).items] == [ONE.id]
    assert await store.durations("t", 5) == [5]


async def test_what_a_task_has_changed_is_checked(db: Database) -> None:
    found, jobs, _ = await _rests(db, replace(ONE, method="builtin"), TASK)

    assert (found.status, found.method) == (Status.CHECKING, "builtin")
    assert [job.kind for job in jobs.asked] == ["refactoring.check"]


async def test_what_the_tools_could_not_do_goes_to_an_agent(db: Database) -> None:
    failed = replace(TASK, status=TaskStatus.FAILED, error="no piece", error_class="agent")

    found, jobs, _ = await _rests(db, replace(ONE, method="builtin"), failed)

    assert (found.status, found.error) == (Status.QUEUED, "no piece")
    assert [job.payload["by_agent"] for job in jobs.asked] == [True]


async def test_what_an_agent_could_not_do_has_failed(db: Database) -> None:
    failed = replace(TASK, status=TaskStatus.FAILED, error="gave up", error_class="agent")

    found, jobs, _ = await _rests(db, replace(ONE, method="agent", error="no piece"), failed)

    assert (found.status, found.error) == (Status.FAILED, "no piece gave up")
    assert jobs.asked == []


async def test_a_repository_that_is_away_is_no_reason_for_an_agent(db: Database) -> None:
    failed = replace(TASK, status=TaskStatus.FAILED, error="away", error_class="git_unreachable")

    found, _, _ = await _rests(db, replace(ONE, method="builtin"), failed)

    assert (found.status, found.error_class) == (Status.FAILED, "git_unreachable")


async def test_a_cancelled_task_ends_it(db: Database) -> None:
    found, _, _ = await _rests(db, ONE, replace(TASK, status=TaskStatus.CANCELLED))

    assert found.status is Status.CANCELLED


async def test_a_task_over_its_budget_waits_for_a_person(db: Database) -> None:
    found, jobs, _ = await _rests(db, ONE, replace(TASK, status=TaskStatus.PAUSED))

    assert (found.status, jobs.asked) == (Status.QUEUED, [])


async def test_an_open_pull_request_completes_it_and_is_announced(db: Database) -> None:
    proposing = replace(
        ONE, status=Status.PROPOSING, pull_request=OpenedPullRequest("", None, "T", "b")
    )
    opened = replace(
        TASK, status=TaskStatus.PR_CREATED, pr_url="http://h/1", pr_number=1, branch="b-2"
    )

    found, _, ears = await _rests(db, proposing, opened)

    assert found.status is Status.COMPLETED
    assert found.pull_request == OpenedPullRequest("http://h/1", 1, "T", "b-2")
    assert [event for event, _ in ears.heard] == ["refactoring.applied"]
    assert ears.heard[0][1]["refactoring_id"] == ONE.id


async def test_a_pull_request_that_could_not_be_opened_is_told(db: Database) -> None:
    refused = replace(TASK, error="no right to push", error_class="push_rejected")

    found, _, ears = await _rests(db, replace(ONE, status=Status.PROPOSING), refused)

    assert (found.status, found.error_class) == (Status.FAILED, "push_rejected")
    assert "no right to push" in found.error
    assert ears.heard == []


async def test_tasks_that_carry_out_none_are_left_alone(db: Database) -> None:
    found, jobs, _ = await _rests(db, ONE, replace(TASK, id="task-9"))

    assert (found, jobs.asked) == (ONE, [])
