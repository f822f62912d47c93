"""Attempts: who is asked, in which order, from which tree, and what is on record afterwards."""

from __future__ import annotations

import asyncio

from lemnos.domains.agents.ports import ErrorClass, RunResult, Verdict
from lemnos.domains.tasks.model import Status
from lemnos.domains.tasks.service import Followup
from tests.conformance.tasks.stage import CTX, DONE, Act, Stage, cheap, failed


async def test_the_best_agent_does_it_in_an_empty_workspace(stage: Stage) -> None:
    await stage.register("a", Act(DONE, files={"app.py": "x = 1\n"}))
    task = await stage.ended(await stage.submit())

    assert (task.status, task.agent_id, task.repo_url) == (Status.COMPLETED, "a", "")
    assert task.changes is not None
    assert task.changes.files_changed == 1
    record = await stage.record(task)
    assert (record.tier, record.attempts) == (0, 1)
    result = await stage.orders.result(CTX, task)
    assert result is not None
    assert result.code == "x = 1"
    (attempt,) = await stage.attempts(task)
    assert (attempt.verdict, attempt.tier, attempt.cost_usd) == (Verdict.COMPLETED, 0, 0.01)
    assert attempt.first_response_ms is not None
    names = await stage.told(task)
    assert names[:3] == ["task_created", "routed", "workspace_created"]
    assert "attempt_started" in names


async def test_the_next_agent_starts_from_the_tree_as_it_was(stage: Stage) -> None:
    half = Act(failed(ErrorClass.AUTH, "bad key"), files={"half.txt": "half"})
    await stage.register("a", half)
    await stage.register("b", Act(DONE, files={"whole.txt": "whole"}))
    task = await stage.ended(await stage.submit(agent_id=""))

    assert (task.status, task.agent_id) == (Status.COMPLETED, "b")
    assert stage.runtime.seen == [set(), set()]
    first, second = await stage.attempts(task)
    assert (first.agent_id, first.error_class, first.tier) == ("a", ErrorClass.AUTH, 0)
    assert (second.agent_id, second.tier, second.number) == ("b", 1, 2)
    names = await stage.told(task)
    assert names.index("attempt_failed") < names.index("fallback")
    record = await stage.record(task)
    assert (record.tier, record.attempts) == (1, 2)
    assert task.usage is not None
    assert (task.usage.input_tokens, task.usage.output_tokens) == (11, 6)  # of both


async def test_a_retry_goes_on_in_the_session_where_there_is_one(stage: Stage) -> None:
    busy = failed(ErrorClass.RATE_LIMIT, "429")
    await stage.register(
        "a", Act(busy, {"one.txt": "1"}, session="s-1"), Act(busy, {"two.txt": "2"}), retries=2
    )
    stage.runtime.acts["a"].append(Act(DONE))
    task = await stage.ended(await stage.submit())

    assert (task.status, [one.number for one in await stage.attempts(task)]) == (
        Status.COMPLETED,
        [1, 2, 3],
    )
    assert [spec.resume for spec in stage.runtime.specs] == ["", "s-1", "s-1"]
    assert stage.runtime.seen == [set(), {"one.txt"}, {"one.txt", "two.txt"}]
    assert len({spec.run_id for spec in stage.runtime.specs}) == 3
    assert (await stage.told(task)).count("parked") == 2


async def test_a_retry_without_a_session_starts_anew(stage: Stage) -> None:
    act = Act(failed(ErrorClass.NETWORK), {"one.txt": "1"})
    await stage.register("a", act, Act(DONE), retries=1)
    task = await stage.ended(await stage.submit())

    assert task.status is Status.COMPLETED
    assert stage.runtime.seen == [set(), set()]


async def test_when_all_have_failed_the_task_says_who(stage: Stage) -> None:
    await stage.register("a", failed(ErrorClass.AUTH, "bad\nkey"))
    await stage.register("b", failed(ErrorClass.AGENT, "gave up"))
    task = await stage.ended(await stage.submit())

    assert (task.status, task.error_class) == (Status.FAILED, "agent")
    assert task.error == (
        "Every agent has failed. 1. a (tier 0): auth, bad key; 2. b (tier 1): agent, gave up"
    )
    assert (await stage.told(task)).count("attempt_failed") == 2


async def test_money_is_counted_over_all_tries(stage: Stage) -> None:
    await stage.register("a", failed(ErrorClass.AUTH, cost=0.4))
    await stage.register("b", failed(ErrorClass.AUTH, cost=0.7))
    await stage.register("c")
    task = await stage.ended(await stage.submit(max_cost_usd=1.0))

    assert (task.status, task.error_class) == (Status.PAUSED, "budget")
    budgets = [spec.limits.max_budget_usd for spec in stage.runtime.specs]
    assert budgets == [1.0, 0.6]
    assert task.usage is not None
    assert task.usage.cost_usd == 1.1


async def test_over_its_budget_in_the_middle_a_task_is_paused_with_its_work(stage: Stage) -> None:
    over = RunResult(Verdict.OVER_BUDGET, error="$", error_class=ErrorClass.BUDGET)
    await stage.register("a", Act(over, {"half.txt": "half"}), Act(DONE, {"rest.txt": "rest"}))
    await stage.register("b")
    task = await stage.ended(await stage.submit(max_cost_usd=0.5))
    assert task.status is Status.PAUSED
    assert task.changes is not None
    assert task.changes.files_changed == 1

    more = Followup("Go on.", max_budget_usd=2.0)
    await stage.do(lambda tx: stage.tasks.service.instruct(tx, CTX, task.id, more))
    task = await stage.ended(task)

    assert (task.status, task.agent_id, task.iteration) == (Status.COMPLETED, "a", 2)
    assert stage.runtime.seen[1] == {"half.txt"}
    assert stage.runtime.specs[1].limits.max_budget_usd == 2.0
    assert stage.runtime.specs[1].prompt == "Go on."


async def test_cancelled_in_the_middle(stage: Stage) -> None:
    await stage.register("a", Act(gate=asyncio.Event()))
    task = await stage.submit()
    await stage.until(lambda: _running(stage, task), "it runs")
    await stage.do(lambda tx: stage.orders.cancel(tx, CTX, task.id))

    task = await stage.ended(task)
    assert task.status is Status.CANCELLED
    (attempt,) = await stage.attempts(task)
    assert attempt.ended_at is not None
    assert attempt.verdict is Verdict.CANCELLED


async def test_an_agent_that_is_removed_by_force_is_given_up(stage: Stage) -> None:
    await stage.register("a", Act(gate=asyncio.Event()))
    await stage.register("b")
    task = await stage.submit()
    await stage.until(lambda: _running(stage, task), "it runs")
    await stage.do(lambda tx: stage.agents.service.remove(tx, CTX, "a", force=True))

    task = await stage.ended(task)
    assert (task.status, task.agent_id) == (Status.COMPLETED, "b")


async def test_an_operation_is_not_routed(stage: Stage) -> None:
    order_with = {"operation": {"type": "extract_function"}}
    task = await stage.submit(**order_with)
    assert not task.routed
    record = await stage.record(task)
    assert record.order.operation == order_with["operation"]
    assert (await stage.task(task)).config.operation == order_with["operation"]


async def test_what_agents_say_is_billed_to_the_one_that_said_it(stage: Stage) -> None:
    await stage.register("a", cheap(DONE, 0.5))
    task = await stage.ended(await stage.submit())
    seen = await stage.agents.service.performance(CTX, ["a"], 0)
    assert task.usage is not None
    assert seen["a"].cost_usd == task.usage.cost_usd == 0.5


async def _running(stage: Stage, task: object) -> bool:
    return bool(stage.runtime.specs)
