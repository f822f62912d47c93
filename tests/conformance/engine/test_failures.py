"""A job that fails is tried again where that may help, and never stays half done unnoticed."""

from __future__ import annotations

import pytest

from lemnos.engine import Job, Retry, Steps
from lemnos.kernel import clock
from lemnos.kernel.errors import Conflict, Invalid, NotFound, Unavailable
from tests.conformance.engine.place import enqueue, row, running, until

QUICK = Retry(attempts=3, first=0.05, factor=2.0)


class TaskBusy(Conflict):
    """An error of a domain's own."""


class Calls:
    """Counts the calls of steps."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def noting(self, name: str, error: Exception | None = None, times: int = 1_000_000):
        """A step's call that notes its name, and fails so many times."""

        async def call() -> str:
            self.made.append(name)
            if error is not None and self.made.count(name) <= times:
                raise error
            return name

        return call


async def test_a_retry_goes_on_at_the_step_that_failed(place, database):
    calls = Calls()

    async def handler(steps: Steps) -> None:
        assert await steps.run("one", calls.noting("one")) == "one"
        await steps.run("two", calls.noting("two", OSError("no luck"), times=2))
        await steps.run("three", calls.noting("three"))

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        done = await until(database, "j", "done", "failed")
    assert (done["state"], done["attempts"], done["cut_off"]) == ("done", 2, 0)
    assert calls.made == ["one", "two", "two", "two", "three"]


async def test_tries_are_bounded_and_the_domain_hears_of_it(place, database):
    calls = Calls()
    heard: list[tuple[str, str]] = []

    async def handler(steps: Steps) -> None:
        await steps.run("one", calls.noting("one", OSError("no luck")))

    async def on_failed(tx, job: Job, message: str) -> None:
        heard.append((job.id, message))
        await engine.enqueue(tx, Job("alarm", "alarm", "t"))

    async def alarm(steps: Steps) -> None:
        calls.made.append("alarm")

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK, on_failed=on_failed)
    engine.register("alarm", alarm)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        failed = await until(database, "j", "done", "failed")
        await until(database, "alarm", "done")
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert failed["error"] == "OSError: no luck"
    assert heard == [("j", "OSError: no luck")]
    assert calls.made == ["one"] * 3 + ["alarm"]


async def test_a_domain_that_cannot_hear_of_it_hears_later(place, database):
    calls = Calls()
    heard: list[str] = []

    async def handler(steps: Steps) -> None:
        await steps.run("one", calls.noting("one", NotFound("Gone.")))

    async def on_failed(tx, job: Job, message: str) -> None:
        heard.append(message)
        if len(heard) == 1:
            raise RuntimeError("a defect in the domain")

    engine = place.engine(database)
    engine.register("k", handler, retry=Retry(longest=0.05), on_failed=on_failed)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        failed = await until(database, "j", "failed")
    assert failed["error"] == "Gone."
    assert heard == ["Gone.", "Gone."]
    assert calls.made == ["one"]


async def test_the_pause_before_a_retry_is_kept(place, database):
    calls = Calls()

    async def handler(steps: Steps) -> None:
        await steps.run("one", calls.noting("one", OSError("no luck")))

    engine = place.engine(database)
    engine.register("k", handler, retry=Retry(attempts=2, first=3600.0, longest=3600.0))
    async with running(engine):
        before = clock.now()
        await enqueue(database, engine, Job("j", "k", "t"))
        waiting = await until(database, "j", "delayed")
        assert waiting["run_at"] >= before + 3600 * clock.SECOND
        assert await database.write(lambda tx: engine.cancel(tx, "j"))
    assert calls.made == ["one"]


async def test_a_recorded_error_is_raised_the_same_again(place, database):
    calls = Calls()
    busy = TaskBusy("Busy.", code="task_busy", details={"by": "j-0"}, retry_after=2.5)
    raised: list[tuple[object, ...]] = []

    async def handler(steps: Steps) -> None:
        with pytest.raises(TaskBusy) as caught:
            await steps.run("busy", calls.noting("busy", busy))
        error = caught.value
        raised.append((str(error), error.code, error.fields, error.details, error.retry_after))
        await steps.run("flaky", calls.noting("flaky", OSError("no luck"), times=1))

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        done = await until(database, "j", "done", "failed")
    assert done["state"] == "done", done["error"]
    assert raised == [("Busy.", "task_busy", {}, {"by": "j-0"}, 2.5)] * 2
    assert calls.made == ["busy", "flaky", "flaky"]


async def test_a_recorded_error_that_nobody_catches_fails_the_job_at_once(place, database):
    calls = Calls()

    async def handler(steps: Steps) -> None:
        await steps.run("one", calls.noting("one", NotFound("No such repository.")))

    engine = place.engine(database)
    engine.register("k", handler, retry=Retry(first=3600.0))
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        failed = await until(database, "j", "done", "failed", "delayed")
    assert (failed["state"], failed["error"]) == ("failed", "No such repository.")
    assert calls.made == ["one"]


async def test_what_is_unavailable_is_tried_again(place, database):
    calls = Calls()

    async def handler(steps: Steps) -> None:
        await steps.run("one", calls.noting("one", Unavailable("Away."), times=1))

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        done = await until(database, "j", "done", "failed")
    assert (done["state"], done["attempts"]) == ("done", 1)


async def test_no_step_runs_after_one_that_left_no_record(place, database):
    """Else a replay would find the record of a later step in the place of an earlier one."""
    calls = Calls()

    async def handler(steps: Steps) -> None:
        try:
            await steps.run("one", calls.noting("one", OSError("no luck"), times=1))
        except OSError:
            await steps.run("instead", calls.noting("instead"))

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        done = await until(database, "j", "done", "failed")
    assert (done["state"], done["attempts"]) == ("done", 1)
    assert calls.made == ["one", "one"]


async def test_errors_between_steps_are_retried_too(place, database):
    tries: list[str] = []

    async def handler(steps: Steps) -> None:
        tries.append("try")
        if len(tries) == 1:
            raise Invalid("Not from a step, so nothing is recorded.")

    engine = place.engine(database)
    engine.register("k", handler, retry=QUICK)
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        assert (await until(database, "j", "done", "failed"))["state"] == "done"


async def test_a_result_that_is_not_json_fails_the_job(place, database):
    async def handler(steps: Steps) -> None:
        await steps.run("one", odd)

    async def odd() -> object:
        return object()

    engine = place.engine(database)
    engine.register("k", handler, retry=Retry(attempts=1))
    async with running(engine):
        await enqueue(database, engine, Job("j", "k", "t"))
        assert "TypeError" in (await until(database, "j", "done", "failed"))["error"]
    assert (await row(database, "j"))["state"] == "failed"
