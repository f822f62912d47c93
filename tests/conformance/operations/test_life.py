"""From draft to end: progress, results, failures, cancel, crashes, and a second node."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from lemnos.domains.operations.model import Kind, Status
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Conflict, Invalid, LemnosError, NotFound, Unavailable
from lemnos.platform.audit import AuditLog
from tests.conformance.operations.stage import CTX, Stage, Steered, staged, until, within


async def test_it_runs_and_keeps_its_result(stage: Stage):
    stage.work.result = {"files": ["a", "b"], "size": 3}
    stage.work.go.set()
    operation = await stage.started(root="/x")
    assert operation.id.startswith("task-")
    assert operation.status is Status.PENDING
    found = await stage.ended(operation)
    assert found.status is Status.COMPLETED
    assert found.result == {"files": ["a", "b"], "size": 3}
    assert found.request == {"root": "/x"}
    assert found.progress == 1.0
    assert found.started_at is not None
    assert found.ended_at is not None
    assert [event.name for event in await stage.events(operation)] == ["started", "ended"]


async def test_progress_goes_up_and_never_falls(stage: Stage):
    stage.work.reports = ((0.2, "one"), (0.6, "two"), (0.4, "three"), (7.0, "four"))
    operation = await stage.started()
    await within(stage.work.at_work.wait())
    running = await stage.operations.get(CTX, operation.id)
    assert running.status is Status.RUNNING
    assert running.stage == "at four"
    assert running.progress == 0.99, "only the end is the whole"
    stage.work.go.set()
    await stage.ended(operation)
    told = [(e.name, json.loads(e.data).get("progress")) for e in await stage.events(operation)]
    assert told == [
        ("started", None),
        ("one", 0.2),
        ("two", 0.6),
        ("three", 0.6),
        ("four", 0.99),
        ("ended", 1.0),
    ]


async def test_a_failure_says_the_same_to_whoever_asks_and_whenever(stage: Stage):
    stage.work.error = Invalid("No such gate.", code="unknown_gate", fields={"gates": "unknown"})
    stage.work.go.set()
    found = await stage.ended(await stage.started())
    assert (found.status, found.error, found.error_code) == (
        Status.FAILED,
        "No such gate.",
        "unknown_gate",
    )
    assert found.progress < 1.0
    failure = found.failure
    assert (failure.kind, failure.fields) == (Invalid.kind, {"gates": "unknown"})
    assert stage.work.calls == 1, "what the caller did wrong is not tried again"


async def test_what_is_away_is_a_failure_too_as_somebody_waits(stage: Stage):
    stage.work.error = Unavailable("The database of the audit is away.", code="audit_away")
    stage.work.go.set()
    found = await stage.ended(await stage.started())
    assert (found.status, found.error_code) == (Status.FAILED, "audit_away")


async def test_a_bug_is_tried_again_and_then_told(stage: Stage):
    stage.work.error = RuntimeError("a bug")
    stage.work.go.set()
    found = await stage.ended(await stage.started())
    assert stage.work.calls == 3
    assert found.status is Status.FAILED
    assert found.failure.kind is LemnosError.kind
    assert "a bug" in found.error
    assert [e.name for e in await stage.events(found)].count("ended") == 1


async def test_text_that_is_none_does_not_keep_a_result_from_being_stored(stage: Stage):
    stage.work.result = {"path": "caf\udce9.txt", "nested": [{"b\udcff": "x\0y"}]}
    stage.work.go.set()
    found = await stage.ended(await stage.started())
    assert found.result == {"path": "caf\ufffd.txt", "nested": [{"b\ufffd": "x\0y"}]}


async def test_a_cancel_ends_the_work_at_once(stage: Stage):
    operation = await stage.started()
    await within(stage.work.at_work.wait())
    asked = await stage.cancel(operation)
    assert asked.cancel_requested_at is not None
    found = await stage.ended(operation)
    assert stage.work.cut_off.is_set()
    assert (found.status, found.result) == (Status.CANCELLED, None)
    names = [event.name for event in await stage.events(operation)]
    assert names == ["started", "cancel_requested", "ended"]
    with pytest.raises(Conflict) as caught:
        await stage.cancel(operation)
    assert caught.value.code == "task_state"


async def test_one_that_waits_ends_without_having_begun(stage: Stage):
    """All places of the queue are taken."""
    busy = [await stage.started() for _ in range(16)]
    await until(lambda: _calls(stage, 16))
    waiting = await stage.started()
    cancelled = await stage.cancel(waiting)
    assert cancelled.status is Status.CANCELLED
    assert (await stage.operations.get(CTX, waiting.id)).ended
    assert [e.name for e in await stage.events(waiting)] == ["cancel_requested", "ended"]
    stage.work.go.set()
    for one in busy:
        assert (await stage.ended(one)).status is Status.COMPLETED
    assert stage.work.calls == 16


async def _calls(stage: Stage, count: int) -> bool:
    return stage.work.calls == count


async def test_nobody_sees_what_is_another_tenants(stage: Stage):
    operation = await stage.started()
    stranger = system_context("elsewhere", "test")
    with pytest.raises(NotFound):
        await stage.operations.get(stranger, operation.id)
    with pytest.raises(NotFound):
        await stage.operations.wait(stranger, operation.id, 1)
    with pytest.raises(NotFound):
        await stage.platform.db.write(
            lambda tx: stage.operations.cancel(tx, stranger, operation.id)
        )
    assert not (await stage.operations.page(stranger)).items
    stage.work.go.set()
    await stage.ended(operation)


async def test_pages_by_key_and_by_offset_agree(stage: Stage):
    stage.work.go.set()
    made = [await stage.started() for _ in range(7)]
    for one in made:
        await stage.ended(one)
    newest = [one.id for one in reversed(made)]
    seen, after = list[str](), ""
    while True:
        page = await stage.operations.page(CTX, limit=3, after=after)
        seen += [one.id for one in page.items]
        if page.next_key is None:
            break
        after = page.next_key
    assert seen == newest
    offset = await stage.operations.page(CTX, limit=3, offset=3)
    assert [one.id for one in offset.items] == newest[3:6]
    assert not (await stage.operations.page(CTX, kind=Kind.GUARD_RAILS.value)).items
    assert len((await stage.operations.page(CTX, status="completed")).items) == 7
    with pytest.raises(Invalid):
        await stage.operations.page(CTX, after="1.2")


async def test_following_gives_every_event_once_to_the_last(stage: Stage):
    stage.work.reports = ((0.5, "half"),)
    operation = await stage.started()

    async def read(after: int = 0) -> list[str]:
        async with aclosing(stage.operations.follow(CTX, operation.id, after)) as events:
            return [event.name async for event in events]

    reading = asyncio.create_task(read())
    await within(stage.work.at_work.wait())
    stage.work.go.set()
    assert await within(reading) == ["started", "half", "ended"]
    assert await within(read(2)) == ["ended"]
    assert await within(read(3)) == []


async def test_the_end_is_audited_with_the_digest_of_the_result(stage: Stage):
    stage.work.result = {"files_deleted": 3, "manifest": {}}
    stage.work.go.set()
    operation = await stage.ended(await stage.started())
    await stage.platform.sealer.seal_all()
    entries = await AuditLog(stage.platform.db).entries("default", limit=10)
    (mine,) = [entry for entry in entries if entry.target == operation.id]
    assert mine.action == "cleanup.end"
    detail = json.loads(mine.detail)
    content = msgspec.json.encode({"files_deleted": 3, "manifest": {}})
    assert detail["files_deleted"] == 3
    assert detail["result_sha256"] == hashlib.sha256(content).hexdigest()


async def test_a_node_that_goes_down_takes_the_work_up_again(dsn: str, tmp_path: Path):
    first = Steered(reports=((0.7, "far"),))
    async with staged(tmp_path, dsn, first) as stage:
        operation = await stage.started()
        await within(first.at_work.wait())
    assert first.cut_off.is_set(), "nothing of it goes on"
    second = Steered(reports=((0.1, "again"),), result={"second": True})
    async with staged(tmp_path, dsn, second) as stage:
        await within(second.at_work.wait())
        between = await stage.operations.get(CTX, operation.id)
        assert (between.status, between.progress) == (Status.RUNNING, 0.7)
        second.go.set()
        found = await stage.ended(operation)
        assert found.result == {"second": True}
        told = [json.loads(event.data) for event in await stage.events(operation)]
        assert [one["again"] for one in told if "again" in one] == [False, True]


async def test_one_that_was_cancelled_while_its_node_was_down_does_not_begin_again(
    dsn: str, tmp_path: Path
):
    first = Steered()
    async with staged(tmp_path, dsn, first) as stage:
        operation = await stage.started()
        await within(first.at_work.wait())
        await stage.platform.engine.drain(0)
        await stage.cancel(operation)
    second = Steered()
    async with staged(tmp_path, dsn, second) as stage:
        assert (await stage.ended(operation)).status is Status.CANCELLED
    assert second.calls == 0


@pytest.mark.postgres
async def test_a_cancel_on_another_node_ends_the_work(migrated_dsn: str, tmp_path: Path):
    """And who waits there hears of the end."""
    work = Steered()
    async with staged(tmp_path / "one", migrated_dsn, work, node="one") as one:
        operation = await one.started()
        await within(work.at_work.wait())
        async with staged(tmp_path / "two", migrated_dsn, works=False, node="two") as two:
            waiting = asyncio.create_task(two.ended(operation))
            await two.cancel(operation)
            assert (await within(waiting)).status is Status.CANCELLED
    assert work.cut_off.is_set()
