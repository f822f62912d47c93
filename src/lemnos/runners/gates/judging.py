"""One gate of one run: its checkers, merged, and held against what was known before."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from lemnos.domains.quality.baseline import Baseline, mark, mark_from
from lemnos.domains.quality.model import GateRequest, GateResult, Verdict
from lemnos.runners.gates.inputs import Stamps, State
from lemnos.runners.gates.merging import merged
from lemnos.runners.gates.plugin import AnyChecker, Checker, Said, as_native
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.running import Job, Runner
from lemnos.runners.gates.verdicts import Heard

Coverage = Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Target:
    """A tree with the checkers that are for it, by gate."""

    job: Job
    checkers: Mapping[str, tuple[AnyChecker, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run goes by. ``base`` finds the tree that this one was made from, when it is needed.

    ``unloadable`` says why an entry point gives no checker, by the gate of its name.
    """

    optional: frozenset[str]
    baseline: Baseline | None
    base: Callable[[], Awaitable[Target]] | None
    unloadable: Mapping[str, str]


class Judge:
    """Judges the gates of one run. ``coverage`` is what the tests have measured until now."""

    def __init__(self, runner: Runner, stamps: Stamps, target: Target, plan: Plan) -> None:
        self.coverage = dict[str, tuple[int, int]]()
        self._runner = runner
        self._stamps = stamps
        self._target = target
        self._plan = plan
        self._base: Target | None = None
        self._base_once = asyncio.Lock()

    def writes(self, gate: str) -> bool:
        """Whether it may change files, so that no other gate may run beside it."""
        request, project = self._target.job.request, self._target.job.project
        checkers = self._target.checkers.get(gate, ())
        return not request.no_format and (
            _mends(project, gate) or any(checker.writes for checker in checkers)
        )

    async def judge(self, gate: str) -> GateResult:
        """The result of a gate. Tools and checkers can't make it raise."""
        begun = time.monotonic()
        heard = await self._heard(gate, self._target)
        if self.writes(gate):
            heard = await self._mended(gate, heard)
        for one in heard:
            self.coverage.update(one.said.coverage)
        result = await self._marked(await self._merged(gate, heard, self._target))
        return replace(result, duration_seconds=time.monotonic() - begun)

    async def _heard(self, gate: str, target: Target) -> list[Heard]:
        job = replace(target.job, timeout=_timeout(target.job, gate))
        checkers = target.checkers.get(gate, ())
        if target is self._target and self.writes(gate):
            heard = [await self._alone(gate, checker) for checker in checkers]
        else:
            heard = await asyncio.gather(*(self._runner.hear(one, job) for one in checkers))
        heard += _not_known(job.project, gate, checkers)
        if why := self._plan.unloadable.get(gate):
            said = Said(Verdict.CRASHED, f"The plug-in {gate} can't be loaded: {why}.")
            heard.append(Heard(said, gate))
        return heard

    # --- gates that change files --------------------------------------------------------------

    async def _alone(self, gate: str, checker: AnyChecker) -> Heard:
        job = self._target.job
        job = replace(job, timeout=_timeout(job, gate), look=self._state)
        heard = await self._runner.hear(checker, job)
        await self._look_again()
        return heard

    async def _mended(self, gate: str, heard: list[Heard]) -> list[Heard]:
        """Where the project wants it, let the tools mend what they found, and ask them again."""
        job = self._target.job
        if not _mends(job.project, gate) or all(_content(one) for one in heard):
            return heard
        for checker in self._target.checkers.get(gate, ()):
            if as_native(checker) is None:
                await self._runner.mend(cast(Checker, checker), job)
        await self._look_again()
        return await self._heard(gate, self._target)

    async def _state(self) -> State:
        project = self._target.job.project
        paths = (*project.files, *project.links)
        return await asyncio.to_thread(self._stamps.state, project.root, paths)

    async def _look_again(self) -> None:
        """What has been written is what the next gate judges."""
        job, state = self._target.job, await self._state()
        project = job.project
        if state.digest != job.state.digest:
            there = state.paths
            project = replace(
                project,
                files=tuple(path for path in project.files if path in there),
                links=tuple(path for path in project.links if path in there),
            )
            self._target = replace(self._target, job=replace(job, project=project, state=state))

    # --- what was known before ------------------------------------------------------------------

    async def _merged(self, gate: str, heard: list[Heard], target: Target) -> GateResult:
        optional = gate in self._plan.optional
        root = target.job.project.root
        return await asyncio.to_thread(merged, gate, heard, root, optional=optional)

    async def _marked(self, result: GateResult) -> GateResult:
        if self._plan.baseline is not None:
            (result,) = mark((result,), self._plan.baseline)
        new = [finding for finding in result.findings if not finding.known]
        if result.verdict is not Verdict.FAILED or not new or self._plan.base is None:
            return result
        base = await self._of_base(result.gate)
        (result,) = mark_from((result,), (base,))
        return result

    async def _of_base(self, gate: str) -> GateResult:
        assert self._plan.base is not None  # who calls has looked
        async with self._base_once:
            if self._base is None:
                self._base = await self._plan.base()
        return await self._merged(gate, await self._heard(gate, self._base), self._base)


def looking(request: GateRequest) -> GateRequest:
    """The same request of a base: all of it, and nothing in it is changed."""
    return replace(request, no_format=True, changed=None, fail_fast=False)


def _content(heard: Heard) -> bool:
    return heard.said.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)


def _not_known(project: Project, gate: str, checkers: Sequence[AnyChecker]) -> list[Heard]:
    """A tool that the project wants and nobody knows must not look like one that is content."""
    wanted = project.options(gate).get("tool", ())
    names = [wanted] if isinstance(wanted, str) else wanted
    known = {checker.tool for checker in checkers}
    if isinstance(names, list | tuple) and all(name in sorted(known) for name in names):
        return []
    message = f"gates.{gate}.tool is {wanted!r}; known are: {', '.join(sorted(known))}."
    return [Heard(Said(Verdict.MISCONFIGURED, message), gate)]


def _mends(project: Project, gate: str) -> bool:
    return project.options(gate).get("fix") is True


def _timeout(job: Job, gate: str) -> float:
    """Seconds for a gate: what the project says counts as far as it asks for less."""
    said = job.project.options(gate).get("timeout")
    given = isinstance(said, int | float) and not isinstance(said, bool) and said > 0
    return min(job.timeout, float(said)) if given else job.timeout  # type: ignore[arg-type]
