"""One attempt at a routed task: an agent with room, a tree as it should be, a run, its record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from lemnos.domains.agents.model import Agent, Attempt, Candidate, Decision
from lemnos.domains.agents.ports import ErrorClass, RunResult, RunSpec, Runtime, Runtimes, Verdict
from lemnos.domains.agents.router import Router
from lemnos.domains.agents.service import AgentService
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.finish import is_at
from lemnos.domains.tasks.model import Status, Task
from lemnos.domains.tasks.repairing import Repairer, Work
from lemnos.domains.tasks.routing import course as courses
from lemnos.domains.tasks.routing import events
from lemnos.domains.tasks.routing.course import Course
from lemnos.domains.tasks.routing.history import History
from lemnos.domains.tasks.routing.judging import judgements
from lemnos.domains.tasks.routing.model import Order
from lemnos.domains.tasks.routing.parking import Parking, ask_of
from lemnos.domains.tasks.routing.progress import reached
from lemnos.domains.tasks.routing.prompts import prompt_of
from lemnos.domains.tasks.routing.store import OrderStore, State
from lemnos.domains.tasks.runs import AgentRunner, Ran, interrupted
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Steps
from lemnos.kernel import clock
from lemnos.kernel.background import patiently
from lemnos.kernel.context import system_context
from lemnos.kernel.errors import Invalid, LemnosError, NotFound
from lemnos.platform.db import Tx


class Turn(StrEnum):
    """What came of a leg's attempt; the course holds the rest."""

    RAN = "ran"
    NOBODY = "nobody"  # no agent takes it now
    CANCELLED = "cancelled"
    NO_BUDGET = "no_budget"
    LATE = "late"  # the iteration has gone on, or has ended, without this job


@dataclass(frozen=True, slots=True)
class _Ready:
    """An agent that could begin: where, by what, and in which session.

    ``goes_on``: from where a crash has cut it off, or from a failed try of its own.
    """

    agent: Agent
    runtime: Runtime
    workspace: Workspace
    resume: str = ""
    goes_on: bool = False


class Attempts:
    """Makes the attempts of this node."""

    def __init__(
        self,
        bench: Bench,
        orders: OrderStore,
        parking: Parking,
        agents: AgentService,
        router: Router,
        runtimes: Runtimes,
        runner: AgentRunner,
        repairer: Repairer,
        history: History,
    ) -> None:
        self._bench = bench
        self._orders = orders
        self._parking = parking
        self._agents = agents
        self._router = router
        self._runtimes = runtimes
        self._runner = runner
        self._repairer = repairer
        self._history = history

    async def make(self, steps: Steps) -> Turn:
        """Have the next agent try, unless there is none.

        The outcome is in the course before this returns, so that a crash right afterwards does
        not run an agent a second time. What a crash has cut off is closed and tried again.
        """
        task = await self._bench.task(steps.job.tenant, steps.job.payload["task_id"])
        state = await self._orders.get(task.tenant, task.id)
        if state is None:
            raise LemnosError("The task of this job has no order.", code="task_not_found")
        if not is_at(task, steps.job) or not is_on(state.course, steps):
            return Turn.LATE
        if state.course.outcome is not None:
            return Turn.RAN
        await self._runner.end_leftover(task)
        if state.course.attempt is not None:
            state = replace(state, course=await self._close_interrupted(steps, task))
        if task.cancel_requested_at is not None:
            return Turn.CANCELLED
        left = state.course.left(task.config.max_budget_usd)
        if left is not None and left <= 0:
            return Turn.NO_BUDGET
        return await self._next(steps, task, state)

    async def _next(self, steps: Steps, task: Task, state: State) -> Turn:
        """Ask those of the decision; when it was long ago, or none takes it, decide anew."""
        course = state.course
        if state.decision is not None and course.leg > 1 and not course.waited:
            turns = courses.turns(course, state.decision.candidates)
            if (turn := await self._first(steps, task, state, turns)) is not Turn.NOBODY:
                return turn
        decision = await self._plan(steps, task, state)
        turns = courses.turns(course, decision.candidates)
        return await self._first(steps, task, state, [one for one in turns if one.has_room])

    async def _plan(self, steps: Steps, task: Task, state: State) -> Decision:
        ask = ask_of(task, state.order, state.course)
        decided = await self._router.plan(task.tenant, ask)
        decision = courses.renumbered(_goes_on(decided, task), state.course)

        async def keep(tx: Tx) -> None:
            await self._orders.change(tx, task, decision=decision)
            await self._bench.recorder.note(tx, task, events.routed(decision))

        await self._bench.fenced(steps, keep)
        return decision

    async def _first(
        self, steps: Steps, task: Task, state: State, candidates: Iterable[Candidate]
    ) -> Turn:
        """Let the first of them begin that takes it."""
        for candidate in candidates:
            found = await self._agent(task, candidate.agent_id)
            if found is None:
                continue
            ready = await self._bench.unless_cancelled(
                task, self._ready(steps, task, state.course, *found)
            )
            if ready is None:
                return Turn.CANCELLED
            attempt = await self._admit(steps, task, candidate, ready)
            if attempt is not None:
                await self._run(steps, task, state.order, attempt, ready)
                return Turn.RAN
        return Turn.NOBODY

    async def _agent(self, task: Task, agent_id: str) -> tuple[Agent, Runtime] | None:
        """The agent and what runs it; None when it has been removed, or can't run any more."""
        try:
            agent = await self._agents.get(system_context(task.tenant, task.trace_id), agent_id)
            return agent, self._runtimes.get(self._router.runtime_of(agent))
        except (NotFound, Invalid):
            return None

    async def _ready(
        self, steps: Steps, task: Task, course: Course, agent: Agent, runtime: Runtime
    ) -> _Ready:
        """The tree as the iteration found it; or as the agent left it, if it can go on there."""
        if not course.touched:
            workspace = await self._bench.workspace(steps, task)
            same = (task.agent_id, task.runtime) == (agent.agent_id, runtime.name)
            return _Ready(agent, runtime, workspace, task.session if same else "")
        if agent.agent_id == course.agent_id:
            row = await self._bench.store.run_record(task.id, task.iteration)
            if row is not None and (row["session"] or row["outcome"]):
                held = await self._bench.held_workspace(task.id)
                if held is not None:
                    return _Ready(agent, runtime, held, row["session"], goes_on=True)
        return _Ready(agent, runtime, await self._bench.workspace(steps, task, anew=True))

    async def _admit(
        self, steps: Steps, task: Task, candidate: Candidate, ready: _Ready
    ) -> Attempt | None:
        """Begin the attempt, all in one transaction; None when the agent does not take it now."""
        agent, name = ready.agent, ready.runtime.name
        expected = await self._history.seconds(task.tenant, task.type, agent.agent_id)

        async def body(tx: Tx) -> Attempt | None:
            await steps.fence(tx)
            locked = await self._bench.store.get(task.tenant, task.id, tx)
            state = await self._orders.get(task.tenant, task.id, tx)
            if locked is None or state is None or locked.cancel_requested_at is not None:
                return None
            if await self._parking.behind(tx, task, state, agent.agent_id):
                return None
            number = state.course.number + 1
            attempt = await self._router.admit(
                tx, task.tenant, candidate, task.id, task.iteration, number
            )
            if attempt is None:
                return None
            course = courses.begun(state.course, agent, attempt, expected)
            await self._begun(tx, locked, course, attempt, _reason(agent, candidate), ready)
            if state.parked_job or state.course.waited:
                await self._parking.taken_up(tx, task)
                # Where one has got in there may be room for another.
                await self._parking.on_room(tx, task.tenant, agent.agent_id)
            await self._bench.recorder.note(tx, task, events.attempt_started(attempt, agent, name))
            return attempt

        return await self._bench.db.write(body)

    async def _begun(
        self, tx: Tx, task: Task, course: Course, attempt: Attempt, reason: str, ready: _Ready
    ) -> None:
        bench, agent_id = self._bench, ready.agent.agent_id
        await self._orders.change(
            tx, task, course=course, tier=attempt.tier, attempts=attempt.number
        )
        await bench.recorder.running(tx, task, ready.runtime.name, reason, agent_id=agent_id)
        # Whose session is noted from now on, and whose work the gates judge.
        anew = {} if ready.goes_on else {"outcome": None, "gates": None}
        await bench.store.change_iteration(
            tx, task.id, task.iteration, session=ready.resume, **anew
        )
        if task.parent_id:
            parent = await bench.store.get(task.tenant, task.parent_id, tx)
            if parent is not None and parent.status is Status.PENDING:
                await bench.recorder.at_work(tx, parent)

    async def _run(
        self, steps: Steps, task: Task, order: Order, attempt: Attempt, ready: _Ready
    ) -> None:
        status = await self._runtimes.status(ready.runtime.name)
        if status.installed:
            ran = await self._carry_out(steps, task, order, attempt, ready)
        else:
            problem = f"{ready.runtime.name} can't run here: {status.problem}"
            failed = RunResult(Verdict.FAILED, error=problem, error_class=ErrorClass.NOT_INSTALLED)
            ran = Ran(failed)
        await self._ended(steps, task, attempt, ran)

    async def _carry_out(
        self, steps: Steps, task: Task, order: Order, attempt: Attempt, ready: _Ready
    ) -> Ran:
        secrets = await self._bench.credentials.secrets(task)
        current = await self._bench.task(task.tenant, task.id)
        spec = await self._runner.spec(current, secrets, ready.workspace)
        state = await self._orders.get(task.tenant, task.id)
        course = state.course if state else Course()
        spec = self._addressed(spec, current, order, course, ready)
        work = Work(
            current,
            ready.runtime,
            spec,
            secrets,
            ready.workspace,
            wanted=lambda: self._router.still_open(attempt),
        )
        ran = await self._repairer.carry_out(steps, work)
        if ran.result.verdict is Verdict.CANCELLED and not await self._router.still_open(attempt):
            return replace(ran, result=replace(courses.gone(), usage=ran.result.usage))
        return ran

    def _addressed(
        self, spec: RunSpec, task: Task, order: Order, course: Course, ready: _Ready
    ) -> RunSpec:
        """The run as this agent is given it."""
        agent, first = ready.agent, task.iteration == 1
        access = self._router.access_of(agent, self._runner.accesses)
        # Without a model the built-in agent does what its own words say, and reads no form.
        plain = ready.runtime.name == "builtin" and access.provider == "none"
        spec = replace(
            spec,
            run_id=f"{task.id}-{task.iteration}-{course.number}",
            prompt=prompt_of(order) if first and not plain else task.current_prompt,
            model=agent.model,
            access=access,
            limits=replace(
                spec.limits,
                max_budget_usd=course.left(task.config.max_budget_usd),
                max_tokens=_least(agent.constraints.max_tokens, order.max_tokens),
            ),
            resume=ready.resume,
        )
        return interrupted(spec, ready.resume) if ready.resume and course.number > 1 else spec

    async def _ended(self, steps: Steps, task: Task, attempt: Attempt, ran: Ran) -> None:
        """Write the outcome down, however long the database is away."""

        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._bench.store.get(task.tenant, task.id, tx)
            state = await self._orders.get(task.tenant, task.id, tx)
            if state is None or state.course.attempt is None:
                return  # the commit had gone through, though its connection broke
            told = replace(attempt, first_response_ms=ran.first_response_ms)
            await self._router.ended(tx, told, ran.result)
            await self._judge(tx, task, attempt)
            course = courses.ended(state.course, ran.result)
            course = replace(course, floor=reached(state.course, clock.now()))
            await self._orders.change(tx, task, course=course)

        await patiently(lambda: self._bench.db.write(body, retry_safe=True))

    async def _judge(self, tx: Tx, task: Task, attempt: Attempt) -> None:
        """What the gates say in the end counts for the agent, where it could do anything about it.

        That it was sent back on the way does not.
        """
        if task.config.gates is None:
            return
        record = await self._bench.store.gate_record(task.id, task.iteration, tx)
        for kind, passed in judgements(record) if record else ():
            await self._agents.judge(
                tx, task.tenant, attempt.agent_id, task.id, task.iteration, kind, passed
            )

    async def _close_interrupted(self, steps: Steps, task: Task) -> Course:
        async def body(tx: Tx) -> Course:
            await steps.fence(tx)
            await self._bench.store.get(task.tenant, task.id, tx)
            state = await self._orders.get(task.tenant, task.id, tx)
            assert state is not None  # orders are never deleted
            await self._router.interrupted(tx, task.tenant, task.id, task.iteration)
            await self._bench.recorder.note(tx, task, events.attempt_interrupted(state.course))
            course = courses.cut_off(state.course)
            await self._orders.change(tx, task, course=course)
            return course

        return await self._bench.db.write(body)


def is_on(course: Course, steps: Steps) -> bool:
    """Whether a job is the present leg of a course."""
    payload = steps.job.payload
    return (course.iteration, course.leg) == (payload["number"], payload["leg"])


def _goes_on(decision: Decision, task: Task) -> Decision:
    """Who has done the earlier iterations comes first, as it knows what there was."""
    if task.iteration == 1 or not any(one.agent_id == task.agent_id for one in decision.candidates):
        return decision
    ordered = sorted(decision.candidates, key=lambda one: one.agent_id != task.agent_id)
    tiers = tuple(replace(one, tier=tier) for tier, one in enumerate(ordered))
    return replace(decision, candidates=tiers)


def _reason(agent: Agent, candidate: Candidate) -> str:
    return f"{agent.name}, tier {candidate.tier}, score {candidate.score:.1f}."


def _least(*limits: int | None) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
