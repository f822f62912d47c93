"""test_execution: the project's own tests, on the base and on the change."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

import msgspec

from lemnos.domains.quality.ports import Inspection
from lemnos.domains.quality.safety import Check, CheckResult, Outcome
from lemnos.runners.quality.bench import Workbench

SCRIPTS = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tests. ``problem`` says why there is no verdict: a time-out, a crash.

    ``cost`` is processor time where that is known, else time; ``own`` that of the tests alone.
    ``missing`` is what to install, where that is why nothing ran.
    """

    runner: str
    passed: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    missing: str = ""
    cost: float = 0.0
    own: float = 0.0

    @property
    def summary(self) -> str:
        """For people to read."""
        return self.problem or f"{len(self.passed)} passed, {len(self.failed)} failed"


# Runs the tests of a tree once; None where there are none.
Runner = Callable[[Path], Awaitable[Run | None]]


async def check_tests(bench: Workbench, inspection: Inspection) -> CheckResult:
    """Only what the base does not have counts as failed, and only if it fails twice."""
    results = [await _check(runner, inspection) for runner in runners(bench, inspection)]
    failed = [result for result in results if result.outcome is Outcome.FAILED]
    not_run = [result for result in results if result.outcome is Outcome.NOT_RUN]
    if not results:
        detail = "No tests are known for the languages of the changed files."
        return CheckResult(Check.TESTS, Outcome.NOT_RUN, detail=detail)
    worst = (failed or not_run or results)[0]
    return CheckResult(
        Check.TESTS,
        worst.outcome,
        ", ".join(result.tool for result in results if result.tool),
        " ".join(result.detail for result in results),
        tuple(finding for result in results for finding in result.findings),
    )


def runners(bench: Workbench, inspection: Inspection) -> list[Runner]:
    """What runs the tests for the languages of the changed files."""
    suffixes = {PurePosixPath(path).suffix.lower() for path in inspection.changed}
    found: list[Runner] = []
    if suffixes & {".py", ".pyi"}:
        found.append(partial(_python, bench, inspection))
    if suffixes & SCRIPTS and (inspection.tree / "package.json").is_file():
        found.append(partial(_npm, bench, inspection))
    if ".go" in suffixes and (inspection.tree / "go.mod").is_file():
        found.append(partial(_go, bench, inspection))
    return found


async def _check(runner: Runner, inspection: Inspection) -> CheckResult:
    before, after = await runner(inspection.base), await runner(inspection.tree)
    verdict = _judged(before, after)
    if verdict.outcome is Outcome.FAILED and after is not None and not after.problem:
        again = _judged(before, await runner(inspection.tree))
        if again.outcome is Outcome.PASSED:
            detail = (
                f"{again.detail} {len(verdict.findings)} failed once and passed when run again."
            )
            return CheckResult(Check.TESTS, again.outcome, again.tool, detail, verdict.findings)
    return verdict


def _judged(before: Run | None, after: Run | None) -> CheckResult:
    """The verdict on two runs. Both are told."""
    if before is None and after is None:
        return CheckResult(Check.TESTS, Outcome.NOT_RUN, detail="The project has no tests.")
    if before is None or after is None:
        there = before or after
        assert there is not None  # one of the two is
        outcome = Outcome.FAILED if before else _outcome_of(there)
        detail = "The change takes all tests away." if before else "Only the change has tests."
        failed = tuple(f"{name}: {why}" for name, why in there.failed.items())
        return CheckResult(Check.TESTS, outcome, there.runner, f"{detail} {there.summary}.", failed)
    told = f"Before: {before.summary}. After: {after.summary}."
    if before.missing:
        told = f"The tests could not be run: {before.missing}."
    if before.problem or not before.passed:
        useless = "" if before.problem else " No test passes before the change."
        return CheckResult(Check.TESTS, Outcome.NOT_RUN, before.runner, told + useless)
    if after.problem:
        return CheckResult(Check.TESTS, Outcome.FAILED, after.runner, told)
    new = {name: why for name, why in after.failed.items() if name not in before.failed}
    lost = sorted(before.passed - after.passed - set(after.failed))
    findings = [f"{name}: {why}" for name, why in new.items()]
    findings += [f"{name}: no longer run" for name in lost]
    outcome = Outcome.FAILED if findings else Outcome.PASSED
    return CheckResult(Check.TESTS, outcome, after.runner, told, tuple(findings))


def _outcome_of(run: Run) -> Outcome:
    if run.problem:
        return Outcome.NOT_RUN
    return Outcome.FAILED if run.failed else Outcome.PASSED


# --- runners ------------------------------------------------------------------------------------


async def _python(bench: Workbench, inspection: Inspection, tree: Path) -> Run | None:
    """Pytest or unittest, as the built-in agent runs them."""
    answer = await bench.inside(
        "tests",
        {"timeout": inspection.timeout * 0.9},
        tree,
        inspection.timeout,
        readonly=inspection.readonly,
    )
    return None if answer is None else msgspec.convert(answer, Run)


async def _npm(bench: Workbench, inspection: Inspection, tree: Path) -> Run | None:
    """``npm test``, of which only the end is known."""
    try:
        script = json.loads((tree / "package.json").read_bytes())["scripts"]["test"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    name = "npm test"
    if not isinstance(script, str) or "no test specified" in script:
        return None
    npm = bench.find("npm")
    if npm is None:
        return Run(name, problem="npm is missing", missing="npm is missing: install Node.js")
    argv = (str(npm), "test", "--silent")
    ended = await bench.run(argv, tree, inspection.timeout, readonly=inspection.readonly)
    if ended.problem or ended.exit_code == 127:
        lack = "a program of the test script is missing: there is no network to install it"
        return Run(name, problem=ended.problem or lack)
    if ended.exit_code == 0:
        return Run(name, frozenset({name}), cost=ended.seconds, own=ended.seconds)
    return Run(name, failed={name: ended.output[-400:]}, cost=ended.seconds, own=ended.seconds)


async def _go(bench: Workbench, inspection: Inspection, tree: Path) -> Run | None:
    """``go test -json ./...``: see https://pkg.go.dev/cmd/test2json."""
    go = bench.find("go", Path("/usr/local/go/bin"))
    if go is None:
        return Run("go test", problem="go is missing", missing="go is missing: install Go")
    argv = (str(go), "test", "-json", "-count=1", "./...")
    env = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOCACHE": "/tmp/go-build"}  # noqa: S108
    ended = await bench.run(
        argv, tree, inspection.timeout, env=env, readonly=inspection.readonly, kept=_GO_OUTPUT
    )
    if ended.problem:
        return Run("go test", problem=ended.problem)
    passed, failed = go_results(ended.stdout)
    if not passed and not failed:
        return None if ended.exit_code == 0 else Run("go test", problem=ended.output[-400:])
    return Run("go test", passed, failed, cost=ended.seconds, own=ended.seconds)


_GO_OUTPUT = 32 * 1024 * 1024  # bytes


def go_results(output: str) -> tuple[frozenset[str], dict[str, str]]:
    """Tests that passed, and those that failed with what they printed."""
    passed, failed, said = set(), dict[str, str](), dict[str, list[str]]()
    for line in output.splitlines():
        try:
            event = json.loads(line)
            name = f"{event['Package']}.{event['Test']}"
        except (ValueError, KeyError, TypeError):
            continue
        if event.get("Action") == "output":
            said.setdefault(name, []).append(str(event.get("Output", "")))
        elif event.get("Action") == "pass":
            passed.add(name)
        elif event.get("Action") == "fail":
            failed[name] = "".join(said.get(name, ()))[-400:]
    return frozenset(passed), failed
