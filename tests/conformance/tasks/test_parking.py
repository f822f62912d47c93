"""Tasks that wait hold nothing, keep their place, and are taken up when they can be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from lemnos.domains.agents.model import AgentPatch
from lemnos.domains.agents.model import Status as AgentStatus
from lemnos.domains.agents.ports import ErrorClass
from lemnos.domains.tasks.model import Priority, Status, Task, TaskType
from lemnos.domains.tasks.routing.model import Basis, Order
from lemnos.domains.tasks.routing.model import Stage as Step
from lemnos.kernel.errors import Invalid
from lemnos.platform.db import Query, Tx
from tests.conformance.tasks.stage import CTX, DONE, Act, Stage, failed, staged

_WAITS = Query(text("SELECT count(*) AS n FROM task_waits"))
_PARKED = Query(text("SELECT count(*) AS n FROM task_orders WHERE parked_job <> ''"))
_RUNNING = Query(text("SELECT count(*) AS n FROM jobs WHERE state = 'running'"))


async def count(stage: Stage, query: Query) -> int:
    row = await stage.platform.db.one(query)
    return int(row["n"])  # type: ignore[index]


async def test_who_finds_no_room_waits_and_is_taken_up_by_rank(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", Act(gate=gate), DONE, places=1)
    first = await stage.submit()
    await stage.until(lambda: _runs(stage, 1), "the first runs")
    low = await stage.submit(priority=Priority.LOW)
    await stage.until_parked(low)
    high = await stage.submit(priority=Priority.CRITICAL)
    await stage.until_parked(high)

    waiting = await stage.task(low)
    assert waiting.status is Status.PENDING
    progress = await stage.orders.progress(CTX, waiting)
    assert (progress.stage, progress.queue_position) == (Step.QUEUED, 1)
    assert "room" in progress.message
    await stage.until(lambda: _one_job(stage), "a task that waits holds no place")

    gate.set()
    ended = [await stage.ended(task) for task in (first, high, low)]
    assert [task.status for task in ended] == [Status.COMPLETED] * 3
    assert [spec.task_id for spec in stage.runtime.specs] == [first.id, high.id, low.id]
    assert await count(stage, _WAITS) == await count(stage, _PARKED) == 0


async def test_a_task_that_comes_later_does_not_overtake_one_that_waits(stage: Stage) -> None:
    gate, second = asyncio.Event(), asyncio.Event()
    await stage.register("a", Act(gate=gate), Act(gate=second), DONE, places=1)
    await stage.submit()
    await stage.until(lambda: _runs(stage, 1), "the first runs")
    waits = await stage.submit()
    await stage.until_parked(waits)

    gate.set()
    late = await stage.submit()
    await stage.until(lambda: _runs(stage, 2), "the second runs")
    second.set()
    await stage.ended(waits)
    await stage.ended(late)
    assert [spec.task_id for spec in stage.runtime.specs][1:] == [waits.id, late.id]


async def test_a_task_is_cancelled_while_it_waits_for_room(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", Act(gate=gate), places=1)
    first = await stage.submit()
    await stage.until(lambda: _runs(stage, 1), "the first runs")
    task = await stage.submit()
    await stage.until_parked(task)
    cancelled = await stage.do(lambda tx: stage.orders.cancel(tx, CTX, task.id))
    assert cancelled.status is Status.CANCELLED
    assert await count(stage, _WAITS) == 0
    gate.set()
    await stage.ended(first)
    assert await stage.attempts(task) == ()


async def test_a_task_is_cancelled_during_its_back_off(stage: Stage) -> None:
    await stage.register("a", failed(ErrorClass.RATE_LIMIT), retries=9)
    task = await stage.submit()
    await stage.until_parked(task)
    assert (await stage.orders.progress(CTX, await stage.task(task))).percentage >= 10
    begun = time.monotonic()
    while (await stage.task(task)).status is not Status.PENDING:
        await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 30
    await stage.do(lambda tx: stage.orders.cancel(tx, CTX, task.id))
    assert (await stage.ended(task)).status is Status.CANCELLED
    assert all(one.ended_at for one in await stage.attempts(task))


async def test_agents_that_are_all_blocked_are_waited_for_but_not_for_ever(
    dsn: str, tmp_path: Path
) -> None:
    async with staged(tmp_path, dsn, route_patience=2) as stage:
        await stage.register("a", failed(ErrorClass.UNKNOWN))
        for _ in range(5):
            await stage.ended(await stage.submit())
        task = await stage.submit()
        await stage.until_parked(task)
        progress = await stage.orders.progress(CTX, await stage.task(task))
        assert progress.estimated_completion is None
        ended = await stage.ended(task)
        assert (ended.status, ended.error_class) == (Status.FAILED, "no_agent")
        assert "a: " in (ended.error or "")
        assert await stage.attempts(task) == ()


async def test_an_agent_that_is_registered_later_takes_up_who_waits(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", Act(gate=gate), places=1)
    first = await stage.submit()
    await stage.until(lambda: _runs(stage, 1), "the first runs")
    task = await stage.submit()
    await stage.until_parked(task)
    await stage.register("b")
    await stage.tasks.upkeep[0][1]()
    assert (await stage.ended(task)).agent_id == "b"
    gate.set()
    await stage.ended(first)


async def test_nobody_waits_for_what_no_agent_can_do(stage: Stage) -> None:
    await stage.register("a", capabilities=("review",))
    await stage.register("off")
    await stage.do(
        lambda tx: stage.agents.service.update(
            tx, CTX, "off", AgentPatch(status=AgentStatus.INACTIVE)
        )
    )
    for order, field in (
        ({"agent_id": "nobody"}, "agent_id"),
        ({"agent_id": "off"}, "agent_id"),
        ({"required_capabilities": ("review", "magic"), "excluded_agents": ()}, ""),
        ({"excluded_agents": ("a",)}, ""),
        ({"max_cost_usd": -1.0}, "max_cost_usd"),
        ({"timeout_seconds": 10**9}, "timeout_seconds"),
        ({"max_tokens": 0}, "max_tokens"),
    ):
        with pytest.raises(Invalid) as caught:
            await stage.submit(**order)
        assert not field or field in caught.value.fields, order


async def test_ten_thousand_that_wait_are_rows_and_nothing_else(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", Act(gate=gate), DONE, places=1)
    first = await stage.submit()
    await stage.until(lambda: _runs(stage, 1), "the first runs")
    parked = await stage.submit()
    await stage.until_parked(parked)
    await _multiply(stage, parked, 10_000)
    tasks_before = len(asyncio.all_tasks())

    begun = time.process_time()
    await stage.tasks.upkeep[0][1]()  # looks at agents, of which there is one
    late = await stage.submit()
    await stage.until_parked(late)
    position = (await stage.orders.progress(CTX, await stage.task(late))).queue_position
    assert position == 10_000  # counted no further
    await stage.until(lambda: _one_job(stage), "those that wait hold no place")
    assert len(asyncio.all_tasks()) <= tasks_before + 5
    assert time.process_time() - begun < 20

    gate.set()
    await stage.ended(first)
    assert (await stage.ended(parked)).status is Status.COMPLETED


async def _multiply(stage: Stage, parked: Task, count: int) -> None:
    """Rows as parking leaves them, for tasks whose rank is behind."""
    columns = {
        "task_waits": "agent_id, tenant, rank + {n}, job || '-' || {n}",
        "task_orders": "tenant, content, decision, tier, attempts, judgement, course, "
        "parked_job || '-' || {n}, rank + {n}",
    }
    numbers = {
        "sqlite": "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s "
        f"WHERE n < {count}) SELECT n FROM s) AS s",
        "postgresql": f"generate_series(1, {count}) AS s(n)",
    }[stage.platform.db.dialect]

    async def body(tx: Tx) -> None:
        for table, others in columns.items():
            copied = f"task_id || '-' || s.n, {others.format(n='s.n')}"
            source = f"{table} CROSS JOIN {numbers} WHERE task_id = '{parked.id}'"
            made = f"INSERT INTO {table} SELECT {copied} FROM {source}"
            await tx.run(Query(text(made)))

    await stage.platform.db.write(body)


async def _one_job(stage: Stage) -> bool:
    return await count(stage, _RUNNING) == 1


async def _runs(stage: Stage, number: int) -> bool:
    return len(stage.runtime.specs) >= number


async def test_progress_never_falls(stage: Stage) -> None:
    gate = asyncio.Event()
    await stage.register("a", failed(ErrorClass.NETWORK), retries=1)
    await stage.register("b", Act(gate=gate))
    task = await stage.submit()
    seen: list[int] = []

    async def at_b() -> bool:
        found = await stage.task(task)
        progress = await stage.orders.progress(CTX, found)
        seen.append(progress.percentage)
        return found.agent_id == "b" and found.status is Status.RUNNING

    await stage.until(at_b, "b has it")
    running = await stage.orders.progress(CTX, await stage.task(task))
    assert (running.stage, running.basis) == (Step.EXECUTING, Basis.LIMIT)
    assert running.message.startswith("B: ")
    gate.set()
    done = await stage.orders.progress(CTX, await stage.ended(task))
    assert (done.percentage, done.basis) == (100, Basis.FACT)
    assert seen == sorted(seen)
    later = await stage.submit()
    estimate = await stage.orders.progress(CTX, later)
    assert estimate.basis is Basis.HISTORY
    await stage.ended(later)


async def test_a_draft_knows_its_place(stage: Stage) -> None:
    await stage.register("a")
    order = Order(TaskType.CODE_GENERATION, "Do it.")
    task = await stage.orders.draft(CTX, order)
    progress = await stage.orders.progress(CTX, task)
    assert (progress.stage, progress.queue_position) == (Step.QUEUED, 0)
    assert progress.estimated_completion is not None
    assert progress.estimated_completion > task.created_at
    assert replace(progress, estimated_completion=None).percentage == 0
