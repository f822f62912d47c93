"""An agent's run, and after it the gates: what they find goes back to the agent, until they pass.

This is the one loop for tasks that name their runtime and for those that are routed. Each of its
steps is kept before the next one begins: the sum of all runs as the iteration's outcome, and the
``GateRecord``. So a crash repeats at most the step that it has cut off, and counts it once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import msgspec

from lemnos.domains.agents.ports import RunResult, RunSpec, Runtime, Usage, Verdict
from lemnos.domains.quality.feedback import feedback
from lemnos.domains.quality.model import GateReport
from lemnos.domains.quality.ports import GateEvent
from lemnos.domains.tasks import events
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.gatekeeping import Found, Gatekeeper, kept
from lemnos.domains.tasks.gating import (
    GateRecord,
    GatesAsked,
    Judged,
    Stage,
    Stopped,
    after_gates,
    after_repair,
    least,
    repairs_left,
)
from lemnos.domains.tasks.model import Task, TaskSecrets
from lemnos.domains.tasks.runs import AgentRunner, Ran, interrupted
from lemnos.domains.workspaces.model import Workspace
from lemnos.engine import Steps
from lemnos.kernel.background import patiently
from lemnos.kernel.errors import LemnosError, Unavailable
from lemnos.kernel.redact import Redactor
from lemnos.platform.db import Tx
from lemnos.platform.events.port import NewEvent

_NO_BUDGET = "The budget is used up; what was done so far is kept."
_MOST_PATHS = 50  # that a prompt for an agent without a model names


@dataclass(frozen=True, slots=True)
class Work:
    """A run and all that it takes; ``spec`` is that of its first round.

    It is cancelled when the task is, and when ``wanted`` says no.
    """

    task: Task
    runtime: Runtime
    spec: RunSpec
    secrets: TaskSecrets
    workspace: Workspace
    wanted: Callable[[], Awaitable[bool]] | None = None


@dataclass(slots=True)
class _Rounds:
    """How far a run and its repairs are: the sum of what agents did, and the gates' record."""

    ran: Ran
    record: GateRecord = field(default_factory=GateRecord)
    session: str = ""  # that was noted last, maybe by a repair that was cut off


class Repairer:
    """Lets agents work, has the gates judge what they made, and sends them back."""

    def __init__(self, bench: Bench, runner: AgentRunner, gatekeeper: Gatekeeper) -> None:
        self._bench = bench
        self._runner = runner
        self._gatekeeper = gatekeeper

    async def carry_out(self, steps: Steps, work: Work) -> Ran:
        """The run, and as many repairs as the task asks for; what all of it came to.

        The result is completed where the agent has done its part: what the gates say of it is in
        the iteration's record.
        """
        asked = work.task.config.gates
        if asked is None:
            return await self._run(steps, work, work.spec)
        rounds = await self._taken_up(work)
        cut_off = rounds is not None and rounds.record.stage is Stage.MENDING
        if rounds is None:
            ran = await self._run(steps, work, work.spec)
            if ran.result.verdict is not Verdict.COMPLETED:
                return ran
            rounds = _Rounds(ran)
            await self._keep(steps, work, rounds)
        while rounds.record.stage is not Stage.SETTLED:
            if rounds.record.stage is Stage.JUDGING:
                await self._judge(steps, work, asked, rounds)
            else:
                await self._mend(steps, work, asked, rounds, cut_off=cut_off)
                cut_off = False
        return rounds.ran

    async def _taken_up(self, work: Work) -> _Rounds | None:
        """What was kept before a crash; None where the agent has yet to do its part."""
        task = work.task
        row = await self._bench.store.run_record(task.id, task.iteration)
        if row is None or not row["outcome"]:
            return None
        result = msgspec.json.decode(row["outcome"], type=RunResult)
        record = await self._bench.store.gate_record(task.id, task.iteration)
        return _Rounds(Ran(result), record or GateRecord(), row["session"])

    async def _run(self, steps: Steps, work: Work, spec: RunSpec, *past: str) -> Ran:
        return await self._runner.carry_out(
            steps, work.task, work.runtime, spec, work.secrets, work.wanted, past
        )

    # --- judging ------------------------------------------------------------------------------

    async def _judge(self, steps: Steps, work: Work, asked: GatesAsked, rounds: _Rounds) -> None:
        checkout, record = work.workspace.checkout, rounds.record
        if not record.tree:
            record = replace(record, tree=await self._bench.git.mark(checkout))
        rounds.record = record
        await self._keep(steps, work, rounds, events.gates_started(record.repairs))

        async def tell(told: GateEvent) -> None:
            await self._note(steps, work, events.gate_told(told))

        judging = self._gatekeeper.judge(work.task, asked, checkout, record.tree, tell)
        try:
            found = await self._bench.unless_cancelled(work.task, judging)
        except Unavailable:
            raise  # passes by itself: the engine tries again
        except LemnosError as error:
            rounds.record = record.settled(Stopped.INVALID, error.message)
        else:
            self._follow(work, asked, rounds, found)
        await self._keep(steps, work, rounds, events.gates_finished(rounds.record))

    def _follow(self, work: Work, asked: GatesAsked, rounds: _Rounds, found: Found | None) -> None:
        """What comes after a judging; None: it was cancelled."""
        if found is None:
            message = "Cancelled while the gates were running."
            _end(rounds, Verdict.CANCELLED, message)
            rounds.record = rounds.record.settled(Stopped.CANCELLED)
            return
        left = _left(work, rounds)
        judged = _redacted(found, _prompt(work, found.mendable), work.secrets)
        rounds.record = after_gates(rounds.record, asked, judged, left)
        if rounds.record.stopped == Stopped.BUDGET and left is not None and left <= 0:
            _end(rounds, Verdict.OVER_BUDGET, _NO_BUDGET)

    # --- mending ------------------------------------------------------------------------------

    async def _mend(
        self, steps: Steps, work: Work, asked: GatesAsked, rounds: _Rounds, *, cut_off: bool
    ) -> None:
        record = rounds.record
        await self._note(steps, work, events.repair_started(record, asked.attempts))
        left, of_repairs = _left(work, rounds), repairs_left(record, asked)
        spec = replace(
            work.spec,
            run_id=f"{work.spec.run_id}-repair-{record.repairs}",
            prompt=record.prompt,
            limits=replace(work.spec.limits, max_budget_usd=least(left, of_repairs)),
            resume=rounds.ran.result.session,
            options={},  # what was ordered of the agent has been done
        )
        if cut_off:
            session = rounds.session or spec.resume
            spec = interrupted(spec, session)
        ran = await self._run(steps, work, spec, work.spec.prompt)
        own = of_repairs is not None and (left is None or of_repairs < left)
        _add(rounds, ran.result, over_own_budget=own)
        cost = ran.result.usage.cost_usd
        told = events.repair_finished(rounds.record, ran.result.verdict.value, cost)
        await self._keep(steps, work, rounds, told)

    # --- keeping ------------------------------------------------------------------------------

    async def _keep(self, steps: Steps, work: Work, rounds: _Rounds, *told: NewEvent) -> None:
        """Write down how far it is, however long the database is away."""
        outcome = msgspec.json.encode(rounds.ran.result).decode()
        task = work.task

        async def body(tx: Tx) -> None:
            await steps.fence(tx)
            await self._bench.store.change_iteration(
                tx, task.id, task.iteration, outcome=outcome, gates=rounds.record
            )
            await self._bench.recorder.note(tx, task, *told)

        await patiently(lambda: self._bench.db.write(body, retry_safe=True))

    async def _note(self, steps: Steps, work: Work, told: NewEvent) -> None:
        async def note(tx: Tx) -> None:
            await self._bench.recorder.note(tx, work.task, told)

        await patiently(lambda: self._bench.fenced(steps, note))


def _left(work: Work, rounds: _Rounds) -> float | None:
    """US dollars of the task's own budget that no round has used; None: without limit."""
    budget = work.spec.limits.max_budget_usd
    return None if budget is None else budget - (rounds.ran.result.usage.cost_usd or 0.0)


def _end(rounds: _Rounds, verdict: Verdict, error: str) -> None:
    ended = replace(rounds.ran.result, verdict=verdict, error=error)
    rounds.ran = replace(rounds.ran, result=ended)


def _add(rounds: _Rounds, repair: RunResult, *, over_own_budget: bool) -> None:
    """Count a repair in, and see what comes after it.

    One that failed does not take back what the agent had completed before: the gates say what it
    is worth.
    """
    before, record, cost = rounds.ran.result, rounds.record, repair.usage.cost_usd
    total = replace(
        before,
        text=repair.text or before.text,
        usage=_sum(before.usage, repair.usage),
        session=repair.session or before.session,
        turns=before.turns + repair.turns,
        duration_seconds=before.duration_seconds + repair.duration_seconds,
    )
    rounds.ran = replace(rounds.ran, result=total)
    match repair.verdict:
        case Verdict.COMPLETED:
            rounds.record = after_repair(record, cost)
        case Verdict.CANCELLED:
            _end(rounds, Verdict.CANCELLED, repair.error)
            rounds.record = after_repair(record, cost).settled(Stopped.CANCELLED)
        case Verdict.OVER_BUDGET if over_own_budget:
            rounds.record = after_repair(record, cost, Stopped.BUDGET)
        case Verdict.OVER_BUDGET:
            _end(rounds, Verdict.OVER_BUDGET, repair.error or _NO_BUDGET)
            rounds.record = after_repair(record, cost).settled(Stopped.BUDGET)
        case _:
            rounds.record = after_repair(record, cost, Stopped.AGENT, repair.error)


def _sum(one: Usage, other: Usage) -> Usage:
    costs = [cost for cost in (one.cost_usd, other.cost_usd) if cost is not None]
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        sum(costs) if costs else None,
    )


def _redacted(found: Found, prompt: str, secrets: TaskSecrets) -> Judged:
    """What may be stored and shown: tools print what they find, also what an agent wrote down."""
    redactor = Redactor(secrets.values())
    report = redactor.raw(msgspec.json.encode(kept(found.report)))
    return Judged(
        found.report.success,
        msgspec.json.decode(report),
        tuple(redactor.text(one) for one in found.weakened),
        redactor.text(prompt),
    )


# What the built-in agent understands without a model, by gate.
_WORDS = {
    "lint": "fix lint errors",
    "format": "format the code",
    "tests": "fix the failing tests",
}


def _prompt(work: Work, mendable: GateReport) -> str:
    """What sends the agent back: the findings, or without a model the words for what it can do."""
    if work.runtime.name != "builtin" or work.spec.access.provider != "none":
        return feedback(mendable)
    gates = [result for result in mendable.results if result.gate in _WORDS]
    paths = dict.fromkeys(
        finding.path
        for result in gates
        for finding in result.findings
        if finding.path and not finding.known
    )
    wanted = "; ".join(_WORDS[result.gate] for result in gates)
    named = " ".join(list(paths)[:_MOST_PATHS])
    # What a test finds wrong is seldom in its own file.
    narrow = named and all(result.gate != "tests" for result in gates)
    return f"{wanted} in {named}" if narrow else wanted
