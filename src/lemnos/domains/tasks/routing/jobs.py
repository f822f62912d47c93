"""The durable work of routed tasks: a leg of an iteration, and what follows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random, SystemRandom
from typing import Any

import msgspec

from lemnos.domains.agents.model import Attempt, Decision
from lemnos.domains.agents.ports import ErrorClass, RunResult
from lemnos.domains.agents.router import Router
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.changes import DiffStore
from lemnos.domains.tasks.finish import Finish, ending_of, is_at, with_changes
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.recording import Ending
from lemnos.domains.tasks.routing import course as courses
from lemnos.domains.tasks.routing import events
from lemnos.domains.tasks.routing.attempts import Attempts, Turn, is_on
from lemnos.domains.tasks.routing.course import Again, Course, GaveUp
from lemnos.domains.tasks.routing.parking import Parking
from lemnos.domains.tasks.routing.progress import reached
from lemnos.domains.tasks.routing.store import MOST_WAITS, OrderStore, State
from lemnos.engine import Job, Steps
from lemnos.kernel import clock
from lemnos.kernel.clock import SECOND
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.platform.db import Tx

# A task that waits for room is hastened when there is some; this is for a wake-up that was lost.
_RECHECK = 3600 * SECOND
_SOON = SECOND  # a plan is at most so old


@dataclass(frozen=True, slots=True)
class Sequel:
    """What follows a leg: its iteration's end, or nothing, as another job goes on with it."""

    ending: Ending | None = None


class RoutedJob:
    """Attempt, sequel, changes, end: each a step that happens once.

    ``patience``: seconds for which a task waits for agents that are all away.
    """

    def __init__(
        self,
        bench: Bench,
        orders: OrderStore,
        parking: Parking,
        router: Router,
        attempts: Attempts,
        diffs: DiffStore,
        patience: float,
        random: Random | None = None,
    ) -> None:
        self._bench = bench
        self._orders = orders
        self._parking = parking
        self._router = router
        self._attempts = attempts
        self._finish = Finish(bench, diffs)
        self._patience = int(patience * SECOND)
        self._random = random or SystemRandom()

    async def __call__(self, steps: Steps) -> None:
        """Carry out the leg that the job names."""
        try:
            turn = await steps.run("attempt", lambda: self._attempts.make(steps))
            said = await steps.run("sequel", lambda: self._sequel(steps, Turn(turn)))
            ending = msgspec.convert(said, Sequel).ending
            if ending is None:
                return
            changes = await steps.run("changes", lambda: self._finish.changes(steps))
            ending = with_changes(ending, changes)
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            broken = Ending(Status.FAILED, error=error.message, error_class=error.code)
            await steps.run("end", lambda: self._end_broken(steps, broken))
            return
        final = ending
        await steps.run("end", lambda: self._finish.end(steps, final))

    async def failed(self, tx: Tx, job: Job, error: str) -> None:
        """The engine has given up: the task must not be stuck."""
        await self._finish.failed(tx, job, error)

    async def _end_broken(self, steps: Steps, ending: Ending) -> bool:
        """What failed was not an agent; what agents have used before is counted all the same."""
        job = steps.job
        state = await self._orders.get(job.tenant, job.payload["task_id"])
        if state is not None:
            ending = replace(ending, usage=state.course.spent)
        return await self._finish.end(steps, ending)

    async def _sequel(self, steps: Steps, turn: Turn) -> dict[str, Any]:
        job = steps.job
        attempts: tuple[Attempt, ...] = ()
        if turn is Turn.RAN:
            attempts = await self._router.attempts(job.tenant, job.payload["task_id"])

        async def body(tx: Tx) -> Sequel:
            await steps.fence(tx)
            task = await self._bench.store.get(job.tenant, job.payload["task_id"], tx)
            if task is None or not is_at(task, job):
                return Sequel()
            state = await self._orders.get(task.tenant, task.id, tx)
            if state is None or not is_on(state.course, steps):
                return Sequel()  # an earlier run of this step has gone on already
            return await self._follow(tx, task, state, turn, attempts)

        plain: dict[str, Any] = msgspec.to_builtins(await self._bench.db.write(body))
        return plain

    async def _follow(
        self, tx: Tx, task: Task, state: State, turn: Turn, attempts: tuple[Attempt, ...]
    ) -> Sequel:
        result = state.course.outcome
        if turn is Turn.RAN and result is not None:
            return await self._after(tx, task, state, result, attempts)
        if task.cancel_requested_at is not None or turn is Turn.CANCELLED:
            return _over(state.course, Status.CANCELLED, "Cancelled before an agent was at work.")
        if turn is Turn.NO_BUDGET:
            error = "The budget is used up; what was done so far is kept."
            return _over(state.course, Status.PAUSED, error, ErrorClass.BUDGET.value)
        return await self._wait(tx, task, state)

    async def _after(
        self,
        tx: Tx,
        task: Task,
        state: State,
        result: RunResult,
        attempts: tuple[Attempt, ...],
    ) -> Sequel:
        candidates = state.decision.candidates if state.decision else ()
        move = courses.following(state.course, result, candidates, self._random.random())
        ending = replace(ending_of(result), usage=state.course.spent)
        if move is None:
            return Sequel(ending)
        if task.cancel_requested_at is not None:
            return Sequel(replace(ending, status=Status.CANCELLED))
        if isinstance(move, GaveUp):
            here = [one for one in attempts if one.iteration == task.iteration]
            await self._note_failure(tx, task, state.course, result, None)
            return Sequel(replace(ending, error=courses.all_failed(here)))
        await self._go_on(tx, task, state, result, move)
        return Sequel()

    async def _go_on(
        self, tx: Tx, task: Task, state: State, result: RunResult, move: Again
    ) -> None:
        """The next try: of the same agent after a pause, or of the next one at once."""
        before, now = state.course, clock.now()
        same = move.agent_id == before.agent_id
        await self._note_failure(tx, task, before, result, move.delay if same else None)
        run_at = now + int(move.delay * SECOND)
        if same:
            told = events.parked("backoff", [before.agent_id], run_at)
        else:
            told = events.fallback(before.agent_id, move.agent_id)
        await self._bench.recorder.parked(tx, task, told)
        course = replace(move.course, floor=reached(before, now))
        await self._parking.park(tx, task, state, course, run_at=run_at if same else None)

    async def _note_failure(
        self, tx: Tx, task: Task, course: Course, result: RunResult, delay: float | None
    ) -> None:
        told = events.attempt_failed(course, result, delay)
        await self._bench.recorder.note(tx, task, told)

    async def _wait(self, tx: Tx, task: Task, state: State) -> Sequel:
        """No agent takes it now: wait for one with room, or for one to be well, but not for ever.

        Agents that are busy will be free; whether agents that are away come back, nobody knows.
        """
        decision, now = state.decision, clock.now()
        agents = courses.worth_waiting_for(decision) if decision else ()
        if decision is None or not agents:
            error = courses.nobody_left(decision)
            return _over(state.course, Status.FAILED, error, "no_agent")
        course = courses.waiting(state.course, decision, now)
        course = replace(course, floor=reached(state.course, now))
        reason, run_at = "room", now + _RECHECK
        if course.waiting_since is not None:
            reason, run_at = "away", course.waiting_since + self._patience
            if run_at <= now:
                error = courses.nobody_left(decision)
                return _over(state.course, Status.FAILED, error, "no_agent")
        elif await self._has_room(tx, task.tenant, decision):
            run_at = now + _SOON  # a place became free while this looked for one
        shown = run_at if reason == "away" else None
        await self._bench.recorder.parked(tx, task, events.parked(reason, agents, shown))
        await self._parking.park(tx, task, state, course, run_at=run_at, agents=agents)
        return Sequel()

    async def _has_room(self, tx: Tx, tenant: str, decision: Decision) -> bool:
        """Whether any candidate takes work by now, though the plan had said that none does."""
        first = decision.candidates[:MOST_WAITS]
        for agent_id in sorted(one.agent_id for one in first):  # all lock in the same order
            if await self._router.takes(tx, tenant, agent_id):
                return True
        return False


def _over(course: Course, status: Status, error: str, error_class: str = "") -> Sequel:
    return Sequel(Ending(status, error=error, error_class=error_class, usage=course.spent))
