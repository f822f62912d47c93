"""One task for several agents: each in a workspace of its own, the best one is kept."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from lemnos.domains.agents.ports import ErrorClass
from lemnos.domains.tasks.model import Priority, PullRequestAsked, Status, Task
from lemnos.domains.tasks.routing.listing import TaskFilter
from lemnos.domains.tasks.routing.model import FanOut, Feedback
from lemnos.domains.tasks.service import Followup
from lemnos.kernel.errors import Conflict, Invalid, Unprocessable
from lemnos.kernel.ids import task_id_of
from tests.conformance.tasks.stage import CTX, DONE, Act, Stage, cheap, failed

THREE = FanOut(("a", "b", "c"))


async def tries(stage: Stage, task: Task) -> list[Task]:
    record = await stage.record(task)
    return [await stage.tasks.service.get(CTX, child) for child in record.children]


async def test_the_best_try_that_passes_is_kept(stage: Stage) -> None:
    await stage.register("a", Act(DONE, {"bad": "1", "x.py": "a = 1\n"}))
    await stage.register("b", Act(cheap(DONE, 0.5), {"x.py": "b = 1\n"}))
    await stage.register("c", Act(cheap(DONE, 0.2), {"x.py": "c = 1\n", "y.py": "c = 2\n"}))
    task = await stage.ended(await stage.submit(fan_out=THREE))

    assert (task.status, task.agent_id) == (Status.COMPLETED, "c")
    assert task.usage is not None
    assert task.usage.cost_usd == pytest.approx(0.71)  # of all three
    record = await stage.record(task)
    assert record.judgement is not None
    kept = {one.agent_id: (one.task_id, one.problem) for one in record.judgement.tries}
    assert record.judgement.kept == kept["c"][0]
    assert kept["a"][1] == "Checks failed: test_execution."
    result = await stage.orders.result(CTX, task)
    assert result is not None
    assert result.diff is not None
    assert [file.path for file in result.diff.files] == ["x.py", "y.py"]
    assert [one.agent_id for one in await tries(stage, task)] == ["a", "b", "c"]
    assert len(await stage.attempts(task)) == 3
    seen = await stage.agents.service.performance(CTX, ["a", "b", "c"], 0)
    assert [seen[name].judgements for name in "abc"] == [2, 2, 2]
    assert (seen["a"].quality, seen["c"].quality) == (0.0, 100.0)


async def test_a_followup_goes_on_from_what_was_kept(stage: Stage) -> None:
    await stage.register("a", Act(DONE, {"bad": "1"}), Act(DONE))
    await stage.register("b", Act(DONE, {"good.py": "1\n"}), Act(DONE, {"more.py": "1\n"}))
    task = await stage.ended(await stage.submit(fan_out=FanOut(("a", "b"))))
    await stage.do(lambda tx: stage.tasks.service.instruct(tx, CTX, task.id, Followup("More.")))
    task = await stage.ended(task)

    assert (task.status, task.agent_id, task.iteration) == (Status.COMPLETED, "b", 2)
    assert stage.runtime.seen[-1] == {"good.py"}
    with pytest.raises(Unprocessable):
        await stage.do(
            lambda tx: stage.tasks.service.ask_pull_request(tx, CTX, task.id, PullRequestAsked())
        )


async def test_when_nothing_passes_the_comparison_is_kept(stage: Stage) -> None:
    await stage.register("a", Act(DONE, {"bad": "1"}))
    await stage.register("b", failed(ErrorClass.AUTH, "bad key"))
    task = await stage.ended(await stage.submit(fan_out=FanOut(("a", "b"))))

    assert (task.status, task.error_class) == (Status.FAILED, "gates")
    assert "b: It is failed." in (task.error or "")
    record = await stage.record(task)
    assert record.judgement is not None
    assert [one.eligible for one in record.judgement.tries] == [False, False]
    assert [one.status for one in await tries(stage, task)] == [Status.COMPLETED, Status.FAILED]


async def test_cancelling_it_cancels_all_that_is_under_way(stage: Stage) -> None:
    await stage.register("a")
    await stage.register("b", Act(gate=asyncio.Event()))
    await stage.register("c", Act(gate=asyncio.Event()))
    task = await stage.submit(fan_out=THREE)

    async def two_run() -> bool:
        states = [one.status for one in await tries(stage, task)]
        return states == [Status.COMPLETED, Status.RUNNING, Status.RUNNING]

    await stage.until(two_run, "two are at work")
    running = await stage.task(task)
    assert running.status is Status.RUNNING
    assert (await stage.orders.progress(CTX, running)).message == "1 of 3 tries have ended."
    await stage.do(lambda tx: stage.orders.cancel(tx, CTX, task_id_of(task.id)))

    assert (await stage.ended(task)).status is Status.CANCELLED
    states = [one.status for one in await tries(stage, task)]
    assert states == [Status.COMPLETED, Status.CANCELLED, Status.CANCELLED]


@pytest.mark.parametrize(
    "asked",
    [
        {"fan_out": FanOut(("a",))},
        {"fan_out": FanOut(("a", "a"))},
        {"fan_out": FanOut(("a", "nobody"))},
        {"fan_out": FanOut(("a", "b"), pick="luck")},
        {"fan_out": FanOut(("a", "b")), "agent_id": "a"},
    ],
)
async def test_what_cannot_be_fanned_out(stage: Stage, asked: dict[str, object]) -> None:
    await stage.register("a")
    await stage.register("b")
    with pytest.raises(Invalid):
        await stage.submit(**asked)


async def test_again_by_another_agent_with_another_priority(stage: Stage) -> None:
    await stage.register("a", failed(ErrorClass.AUTH))
    task = await stage.ended(await stage.submit(metadata={"user_id": "u-1"}))
    await stage.register("b")
    again, order = await stage.orders.draft_retry(CTX, task_id_of(task.id), "b", Priority.HIGH)
    await stage.do(lambda tx: stage.orders.submit(tx, CTX, again, order))
    again = await stage.ended(again)

    assert (again.status, again.agent_id, again.user_id) == (Status.COMPLETED, "b", "u-1")
    assert (order.retry_of, again.priority) == (task.id, Priority.HIGH)
    assert (await stage.task(task)).status is Status.FAILED


async def test_what_a_person_says_counts_for_the_agent(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", Act(gate=gate))
    task = await stage.submit()
    with pytest.raises(Conflict):
        await stage.do(lambda tx: stage.orders.feedback(tx, CTX, task.id, Feedback.APPROVED))
    gate.set()
    await stage.ended(task)
    for verdict, quality in ((Feedback.APPROVED, 100.0), (Feedback.REJECTED, 0.0)):
        said = partial(
            stage.orders.feedback, ctx=CTX, task_id=task.id, verdict=verdict, comment="why"
        )
        await stage.do(said)
        seen = await stage.agents.service.performance(CTX, ["a"], 0)
        assert seen["a"].quality == quality
    assert (await stage.told(task)).count("feedback") == 2


async def test_every_filter_and_any_two_of_them(stage: Stage) -> None:
    await stage.register("a")
    await stage.register("b", failed(ErrorClass.AUTH))
    done = await stage.ended(await stage.submit(agent_id="a", metadata={"user_id": "u"}))
    lost = await stage.ended(await stage.submit(agent_id="b"))
    S = Status  # noqa: N806 - as in the model's own tests

    async def listed(limit: int = 50, offset: int = 0, **wanted: object) -> tuple[list[str], int]:
        page = await stage.orders.page(CTX, TaskFilter(**wanted), limit, offset)  # type: ignore[arg-type]
        return [one.id for one in page.items], page.total or 0

    assert await listed() == ([lost.id, done.id], 2)
    assert await listed(limit=1, offset=1) == ([done.id], 2)
    for wanted, found in (
        ({"status": (S.FAILED,)}, [lost.id]),
        ({"status": (S.FAILED, S.COMPLETED)}, [lost.id, done.id]),
        ({"status": (S.COMPLETED, S.RUNNING), "agent_id": "a"}, [done.id]),
        ({"agent_id": "b"}, [lost.id]),
        ({"user_id": "u", "type": "code_generation"}, [done.id]),
        ({"type": "debugging"}, []),
        ({"since": lost.created_at}, [lost.id]),
        ({"until": lost.created_at, "status": (S.COMPLETED,)}, [done.id]),
        ({"parent_id": done.id}, []),
    ):
        assert await listed(**wanted) == (found, len(found)), wanted
