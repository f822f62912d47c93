"""Gates after an agent's work, and repairs: the same for tasks that name a runtime and routed ones.

The agents are scripted, the gates are those of ``stage.FileGates``; git, the database and the
engine are real.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lemnos.domains.agents.ports import ErrorClass, RunResult, Usage, Verdict
from lemnos.domains.tasks.gating import GateRecord, GatesAsked
from lemnos.domains.tasks.model import NewTask, Status, Task, TaskConfig
from lemnos.domains.tasks.routing.model import FanOut
from lemnos.domains.tasks.service import Followup
from tests.conformance.tasks.stage import CTX, DONE, Act, Stage, cheap, failed, staged
from tests.support.git_repos import create_bare

OLD_DEBT = {"old.py": "x = 1  # BAD, for years\n", "readme.txt": "hello\n"}
WRONG = Act(DONE, {"new.py": "y = 2  # BAD\n"})
RIGHT = Act(DONE, {"new.py": "y = 2\n"})


@dataclass
class Scene:
    """A stage with a repository, and one way to give it work."""

    stage: Stage
    repository: Path
    routed: bool

    async def play(self, *acts: Act | RunResult) -> None:
        """What the runs of agent ``a`` come to."""
        if self.routed:
            await self.stage.register("a", *acts)
        self.stage.runtime.acts["a"] = [act if isinstance(act, Act) else Act(act) for act in acts]

    async def submit(self, gates: GatesAsked | None = None, budget: float | None = None) -> Task:
        gates = gates or GatesAsked()
        if self.routed:
            return await self.stage.submit(
                repo_url=str(self.repository), gates=gates, max_cost_usd=budget
            )
        config = TaskConfig(cli="scripted", ai_model="a", gates=gates, max_budget_usd=budget)
        service = self.stage.tasks.service
        task = await service.draft(CTX, NewTask(str(self.repository), "Do it.", config))
        made: Task = await self.stage.do(lambda tx: service.create(tx, CTX, task))
        return made

    async def done(self, *acts: Act | RunResult, **asked: Any) -> tuple[Task, GateRecord]:
        """Work that comes to these runs, at its end."""
        await self.play(*acts)
        task = await self.stage.ended(await self.submit(**asked))
        assert task.gates is not None
        return task, task.gates

    @property
    def prompts(self) -> list[str]:
        return [spec.prompt for spec in self.stage.runtime.specs]

    async def files(self, task: Task) -> list[str]:
        diff = await self.stage.tasks.changes.diff(task)
        return [file.path for file in diff.files]


@pytest.fixture(params=["named", "routed"])
async def scene(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Scene:
    repository = create_bare(tmp_path / "shop.git", OLD_DEBT)
    return Scene(stage, repository, request.param == "routed")


def names(told: list[str]) -> list[str]:
    """What the gates and repairs tell, in order."""
    return [name for name in told if name.startswith(("gates_", "repair_"))]


async def test_what_the_gates_find_goes_back_until_they_pass(scene: Scene) -> None:
    first = replace(DONE, session="s-1")
    task, gates = await scene.done(replace(WRONG, result=first), RIGHT)

    assert (task.status, task.error) == (Status.COMPLETED, None)
    assert (gates.success, gates.repairs, gates.stopped) == (True, 1, "passed")
    assert gates.spent_usd == pytest.approx(0.01)
    assert task.usage is not None
    assert task.usage.input_tokens == 20
    assert task.usage.cost_usd == pytest.approx(0.02)
    feedback = scene.prompts[1]
    assert "B001" in feedback
    assert "new.py" in feedback
    assert "old.py" not in feedback  # that was there before
    assert scene.stage.runtime.specs[1].resume == "s-1"
    assert await scene.files(task) == ["new.py"]  # and not what the tests have written
    told = await scene.stage.told(task)
    assert names(told) == [
        *("gates_started", "gates_finished", "repair_started", "repair_finished"),
        *("gates_started", "gates_finished"),
    ]
    assert told.count("gate_finished") == 4
    (iteration,) = await scene.stage.tasks.service.iterations(CTX, task.id)
    assert iteration.gates == gates


async def test_old_debt_does_not_block(scene: Scene, tmp_path: Path) -> None:
    task, gates = await scene.done(RIGHT)

    assert (task.status, gates.success, gates.repairs) == (Status.COMPLETED, True, 0)
    assert gates.report is not None
    lint = gates.report["gates"][0]
    assert lint["metadata"]["known_findings"] == 1
    assert not list((tmp_path / "workspaces").glob(".examined*"))  # it was a copy to look at


async def test_old_debt_blocks_a_strict_task(scene: Scene) -> None:
    task, gates = await scene.done(RIGHT, gates=GatesAsked(attempts=0, strict=True))

    assert (task.status, gates.failing) == (Status.FAILED, ("lint",))


async def test_a_change_that_takes_all_tests_away_has_not_passed_them(scene: Scene) -> None:
    scene.repository = create_bare(scene.repository.parent / "tested.git", {"test_a.py": "1\n"})
    act = Act(DONE, {"test_a.py": None, "untested": ""})
    task, gates = await scene.done(act, gates=GatesAsked(attempts=0))

    assert (task.status, gates.failing) == (Status.FAILED, ("tests",))
    assert gates.weakened == ("test_a.py: a file of tests was removed",)


async def test_attempts_are_spent(scene: Scene) -> None:
    task, gates = await scene.done(WRONG, gates=GatesAsked(attempts=2))

    assert (task.status, task.error_class) == (Status.FAILED, "gates_failed")
    assert task.error is not None
    assert "lint" in task.error
    assert (gates.success, gates.repairs, gates.stopped) == (False, 2, "attempts")
    assert len(scene.prompts) == 3
    assert await scene.files(task) == ["new.py"]  # the work is kept


async def test_without_attempts_they_only_judge(scene: Scene) -> None:
    task, gates = await scene.done(WRONG, gates=GatesAsked(attempts=0))

    assert (task.status, gates.stopped, len(scene.prompts)) == (Status.FAILED, "attempts", 1)


async def test_what_is_not_required_completes_with_its_verdicts(scene: Scene) -> None:
    task, gates = await scene.done(WRONG, gates=GatesAsked(attempts=0, required=False))

    assert (task.status, task.error, gates.success) == (Status.COMPLETED, None, False)
    assert gates.failing == ("lint",)


async def test_the_budget_of_repairs_is_spent(scene: Scene) -> None:
    gates = GatesAsked(attempts=5, budget_usd=0.03)
    task, record = await scene.done(replace(WRONG, result=cheap(DONE, 0.02)), gates=gates)

    assert (task.status, record.stopped, record.repairs) == (Status.FAILED, "budget", 2)
    assert record.spent_usd == pytest.approx(0.04)
    limits = [spec.limits.max_budget_usd for spec in scene.stage.runtime.specs]
    assert limits == [None, 0.03, pytest.approx(0.01)]


async def test_a_repair_over_its_budget_is_judged_by_what_it_has_done(scene: Scene) -> None:
    cut_off = RunResult(Verdict.OVER_BUDGET, usage=Usage(1, 1, 0.01))
    gates = GatesAsked(attempts=5, budget_usd=0.01)
    task, record = await scene.done(
        WRONG, Act(cut_off, {"new.py": "y = 2\n"}), gates=gates, budget=9.0
    )

    assert (task.status, record.success, record.repairs) == (Status.COMPLETED, True, 1)


async def test_a_task_without_budget_left_waits_for_a_decision(scene: Scene) -> None:
    task, record = await scene.done(WRONG, gates=GatesAsked(attempts=5), budget=0.015)

    assert (task.status, record.stopped, record.repairs) == (Status.PAUSED, "budget", 1)
    assert task.usage is not None
    assert task.usage.cost_usd == pytest.approx(0.02)
    assert await scene.files(task) == ["new.py"]


CRASHED = failed(ErrorClass.AGENT, "It crashed.", cost=0.01)


async def test_a_failed_repair_ends_the_repairs(scene: Scene) -> None:
    task, record = await scene.done(WRONG, Act(CRASHED), gates=GatesAsked(attempts=5))

    assert (task.status, record.stopped, record.repairs) == (Status.FAILED, "agent", 1)
    assert task.error is not None
    assert "It crashed." in task.error


async def test_a_failed_repair_counts_for_what_it_has_done(scene: Scene) -> None:
    task, record = await scene.done(WRONG, Act(CRASHED, {"new.py": "y = 2\n"}))

    assert (task.status, record.stopped) == (Status.COMPLETED, "passed")


async def test_an_agent_is_not_sent_back_for_what_it_can_not_mend(scene: Scene) -> None:
    task, record = await scene.done(RIGHT, gates=GatesAsked(gates=("lint", "tool")))

    assert (task.status, task.error_class) == (Status.FAILED, "gates_failed")
    assert (record.stopped, record.success, record.failing) == ("unable", False, ("tool",))
    assert len(scene.prompts) == 1


async def test_an_unknown_profile_fails_the_task_and_keeps_its_work(scene: Scene) -> None:
    task, record = await scene.done(RIGHT, gates=GatesAsked(profile="lax", required=False))

    assert (task.status, task.error_class) == (Status.FAILED, "gates_invalid")
    assert task.error is not None
    assert "There is no profile lax." in task.error
    assert (record.stopped, await scene.files(task)) == ("invalid", ["new.py"])


async def test_weakened_checks_are_told(scene: Scene) -> None:
    sly = Act(DONE, {"new.py": "y = 2  # noqa\n", "lemnos-baseline.json": "{}"})
    task, record = await scene.done(sly)

    assert (task.status, record.success) == (Status.COMPLETED, True)
    assert record.weakened == (
        "lemnos-baseline.json: the baseline was changed; judged by what it was before",
        "new.py: noqa was added",
    )


async def test_cancel_while_gates_run_ends_them(scene: Scene) -> None:
    gates = scene.stage.gates
    gates.held = asyncio.Event()
    await scene.play(RIGHT)
    task = await scene.submit()
    await gates.entered.wait()
    await scene.stage.do(lambda tx: scene.stage.tasks.service.cancel(tx, CTX, task.id))
    task = await scene.stage.ended(task)

    assert (task.status, gates.running) == (Status.CANCELLED, 0)
    assert task.gates is not None
    assert task.gates.stopped == "cancelled"
    assert await scene.files(task) == ["new.py"]


async def test_cancel_in_a_repair(scene: Scene) -> None:
    never = asyncio.Event()
    await scene.play(WRONG, replace(RIGHT, gate=never))
    task = await scene.submit()

    async def mending() -> bool:
        return "repair_started" in await scene.stage.told(task)

    await scene.stage.until(mending, "it is mended")
    await scene.stage.do(lambda tx: scene.stage.tasks.service.cancel(tx, CTX, task.id))
    task = await scene.stage.ended(task)

    assert task.status is Status.CANCELLED
    assert task.gates is not None
    assert (task.gates.stopped, task.gates.repairs) == ("cancelled", 1)


async def test_a_follow_up_is_judged_anew(scene: Scene) -> None:
    task, _ = await scene.done(RIGHT, WRONG, RIGHT)
    service = scene.stage.tasks.service
    task = await scene.stage.do(lambda tx: service.instruct(tx, CTX, task.id, Followup("More.")))
    assert (await scene.stage.task(task)).gates is None
    task = await scene.stage.ended(task)

    assert task.status is Status.COMPLETED
    assert [one.gates.repairs for one in await service.iterations(CTX, task.id) if one.gates] == [
        0,
        1,
    ]


async def test_an_agent_that_failed_is_not_judged(scene: Scene) -> None:
    await scene.play(failed(ErrorClass.AUTH, "bad key"))
    task = await scene.stage.ended(await scene.submit())

    assert (task.status, task.gates) == (Status.FAILED, None)
    assert not scene.stage.gates.trees


async def test_the_verdict_counts_for_the_agent(stage: Stage) -> None:
    await stage.register("a", WRONG)
    await stage.register("b", RIGHT)
    for agent in ("a", "b"):
        await stage.ended(await stage.submit(agent_id=agent, gates=GatesAsked(attempts=0)))

    seen = await stage.agents.service.performance(CTX, ["a", "b"], 0)
    assert [seen[name].judgements for name in "ab"] == [2, 2]
    assert (seen["a"].quality, seen["b"].quality) == (50.0, 100.0)  # its tests have passed


async def test_no_other_agent_takes_over_from_one_whose_gates_fail(stage: Stage) -> None:
    await stage.register("a", WRONG)
    await stage.register("b", RIGHT)
    task = await stage.ended(await stage.submit(gates=GatesAsked(attempts=1)))

    assert (task.status, task.agent_id, task.error_class) == (Status.FAILED, "a", "gates_failed")
    (attempt,) = await stage.attempts(task)
    assert attempt.verdict is Verdict.COMPLETED  # it did work: breakers have nothing to say


async def test_a_fan_out_picks_by_the_gates_of_the_order(stage: Stage) -> None:
    await stage.register("a", WRONG)
    await stage.register("b", replace(RIGHT, result=cheap(DONE, 0.5)))
    await stage.register("c", WRONG, replace(RIGHT, result=cheap(DONE, 0.1)))
    order = {"fan_out": FanOut(("a", "b", "c")), "gates": GatesAsked(attempts=1)}
    task = await stage.ended(await stage.submit(**order))

    assert (task.status, task.agent_id) == (Status.COMPLETED, "c")
    assert task.gates is not None
    assert (task.gates.success, task.gates.repairs) == (True, 1)
    record = await stage.record(task)
    assert record.judgement is not None
    tries = {one.agent_id: one for one in record.judgement.tries}
    assert tries["b"].gates == {"lint": "passed", "tests": "passed"}
    assert "lint" in tries["a"].problem
    assert not any(one.checks for one in tries.values())


@pytest.mark.parametrize("routed", [False, True], ids=["named", "routed"])
async def test_a_restart_while_gates_run_judges_the_same_tree_again(
    tmp_path: Path, dsn: str, routed: bool
) -> None:
    repository = create_bare(tmp_path / "shop.git", OLD_DEBT)
    async with staged(tmp_path, dsn) as stage:
        stage.gates.held = asyncio.Event()
        scene = Scene(stage, repository, routed)
        await scene.play(RIGHT)
        task = await scene.submit()
        await stage.gates.entered.wait()
    async with staged(tmp_path, dsn) as stage:
        stage.runtime.acts["a"] = [Act(failed(ErrorClass.AGENT, "It must not begin again."))]
        task = await stage.ended(task)

        assert (task.status, task.error) == (Status.COMPLETED, None)
        assert not stage.runtime.specs
        assert [file.path for file in (await stage.tasks.changes.diff(task)).files] == ["new.py"]
        assert task.usage is not None
        assert task.usage.input_tokens == 10


@pytest.mark.parametrize("routed", [False, True], ids=["named", "routed"])
async def test_a_restart_in_a_repair_goes_on_with_that_repair(
    tmp_path: Path, dsn: str, routed: bool
) -> None:
    repository = create_bare(tmp_path / "shop.git", OLD_DEBT)
    async with staged(tmp_path, dsn) as stage:
        scene = Scene(stage, repository, routed)
        await scene.play(WRONG, replace(WRONG, gate=asyncio.Event(), session="s-2"))
        task = await scene.submit(GatesAsked(attempts=1))

        async def mending() -> bool:
            row = await stage.tasks.bench.store.run_record(task.id, 1)
            return row is not None and row["session"] == "s-2"

        await stage.until(mending, "it is mended")
    async with staged(tmp_path, dsn) as stage:
        stage.runtime.acts["a"] = [Act(DONE)]
        task = await stage.ended(task)

        (spec,) = stage.runtime.specs
        assert spec.resume == "s-2"
        assert "You were interrupted" in spec.prompt
        assert "B001" in spec.prompt
        assert task.gates is not None
        assert (task.gates.repairs, task.gates.stopped) == (1, "attempts")
        assert task.usage is not None
        assert task.usage.input_tokens == 20  # the one that was cut off has told of none
