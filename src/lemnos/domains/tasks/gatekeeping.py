"""The gates on a task's work tree: judged against what it was made from, and left untouched."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from lemnos.domains.quality.model import Finding, GateReport, GateRequest, GateResult, Verdict
from lemnos.domains.quality.plain import plain_report
from lemnos.domains.quality.ports import Gates, OnGate, Tree
from lemnos.domains.tasks.bench import Bench
from lemnos.domains.tasks.gating import GatesAsked
from lemnos.domains.tasks.model import Task
from lemnos.domains.tasks.weakening import removed_tests, weakened
from lemnos.domains.workspaces.ports import Checkout, Diff
from lemnos.kernel.errors import Invalid

_LONGEST_DIFF = 8 << 20  # bytes that are looked through for weakened checks
_MOST_FINDINGS, _LONGEST_OUTPUT = 100, 8_000  # of each gate, that a record keeps
# Verdicts for which the change may be to blame, or else what it was made from.
_DOUBTFUL = frozenset({Verdict.FAILED, Verdict.CRASHED, Verdict.TIMED_OUT, Verdict.MISCONFIGURED})


@dataclass(frozen=True, slots=True)
class Found:
    """What the gates say; ``mendable`` is the part that an agent can do something about."""

    report: GateReport
    mendable: GateReport
    weakened: tuple[str, ...]


class Gatekeeper:
    """Judges what an agent has made."""

    def __init__(self, bench: Bench, gates: Gates) -> None:
        self._bench = bench
        self._gates = gates

    async def judge(
        self, task: Task, asked: GatesAsked, checkout: Checkout, mark: str, on_gate: OnGate
    ) -> Found:
        """Run the gates on the tree as it was marked; what they write into it is undone.

        What its beginning has too does not block. Raises ``Invalid`` for gates that the project
        does not know. Cancelling the call ends the tools.
        """
        git = self._bench.git
        await git.put_back(checkout, mark)  # a judging that was killed may have left something
        diff = await git.diff(checkout, max_bytes=_LONGEST_DIFF)
        try:
            async with AsyncExitStack() as held:
                beginning = _Beginning(self._bench, task, checkout, held)
                # A task without a repository began from nothing, which has no findings.
                base = beginning.tree if task.repo_url else None
                request = GateRequest(profile=asked.profile, gates=asked.gates)
                tree = replace(_tree(checkout, base, diff), forgiving=not asked.strict)
                report = _demanding(await self._gates.run(tree, request, on_gate), diff)
                old = {} if asked.strict else await self._before(report, base, checkout.readonly)
        finally:
            await git.put_back(checkout, mark)
        return Found(report, _mendable(report, old), weakened(diff))

    async def _before(
        self,
        report: GateReport,
        base: Callable[[], Awaitable[Path]] | None,
        readable: tuple[Path, ...],
    ) -> Mapping[str, GateResult]:
        """What gates that block without naming anything had said before the change."""
        names = tuple(one.gate for one in report.blocking if _is_mute(one))
        if not names or base is None:
            return {}
        tree = await base()
        before = Tree(tree, (tree / ".git",), readable, untouched=True)
        try:
            found = await self._gates.run(before, GateRequest(gates=names))
        except Invalid:
            return {}  # there were no such gates then, or their configuration could not be read
        return {result.gate: result for result in found.results}


class _Beginning:
    """What a task's tree was made from: a clean copy, made only when it is asked for."""

    def __init__(self, bench: Bench, task: Task, checkout: Checkout, held: AsyncExitStack) -> None:
        self._bench = bench
        self._task = task
        self._checkout = checkout
        self._held = held
        self._once = asyncio.Lock()
        self._made: Checkout | None = None

    async def tree(self) -> Path:
        """The copy, which lives as long as the stack."""
        async with self._once:
            if self._made is None:
                remote = await self._bench.credentials.remote(self._task)
                copy = self._bench.workspaces.beginning(self._checkout, remote)
                self._made = await self._held.enter_async_context(copy)
            return self._made.tree


def _tree(checkout: Checkout, base: Callable[[], Awaitable[Path]] | None, diff: Diff) -> Tree:
    protected, readable = (checkout.tree / ".git",), checkout.readonly
    paths = (path for file in diff.files for path in (file.path, file.old_path))
    return Tree(checkout.tree, protected, readable, base, frozenset(paths), untouched=True)


def _demanding(report: GateReport, diff: Diff) -> GateReport:
    """The report, but that a project whose tests a change has taken away has not passed them."""
    if not (removed := removed_tests(diff)):
        return report
    findings = tuple(
        Finding("tests-removed", "This file of tests was removed, and none are left.", path=path)
        for path in removed
    )
    results = tuple(
        replace(
            result,
            verdict=Verdict.FAILED,
            message="The change takes all tests away.",
            findings=findings,
        )
        if result.gate == "tests" and result.verdict is Verdict.NOT_APPLICABLE
        else result
        for result in report.results
    )
    return replace(report, results=results)


def _is_mute(result: GateResult) -> bool:
    """Whether the change, or what it was made from, may be to blame, and no finding tells."""
    return result.verdict in _DOUBTFUL and not any(not one.known for one in result.findings)


def _mendable(report: GateReport, old: Mapping[str, GateResult]) -> GateReport:
    """The gates that block for something that was not so before."""
    return replace(
        report,
        results=tuple(
            result
            for result in report.blocking
            if result.verdict in _DOUBTFUL and _is_new(result, old.get(result.gate))
        ),
    )


def _is_new(result: GateResult, before: GateResult | None) -> bool:
    return before is None or before.verdict is not result.verdict or not _is_mute(result)


def kept(report: GateReport) -> Mapping[str, Any]:
    """The report as plain data, no longer than a task's record should be; counts stay true."""
    plain: dict[str, Any] = msgspec.to_builtins(plain_report(report))
    for gate in plain["gates"]:
        about = gate["metadata"]
        # New findings first: known ones are what a reader can spare.
        about["findings"].sort(key=lambda one: one.get("baselineState") == "unchanged")
        left_out = len(about["findings"]) - _MOST_FINDINGS
        if left_out > 0:
            about["findings"] = about["findings"][:_MOST_FINDINGS]
            about["findings_left_out"] = left_out
        if len(about.get("output", "")) > _LONGEST_OUTPUT:
            about["output"] = f"…{about['output'][-_LONGEST_OUTPUT:]}"
    return plain
