"""One checker over one project: from its command to what it said, or why it said nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from lemnos.domains.quality.model import GateRequest, Verdict
from lemnos.domains.quality.ports import Tree
from lemnos.runners.gates.inputs import State
from lemnos.runners.gates.keys import verdict_key
from lemnos.runners.gates.plugin import (
    CHANGED,
    AnyChecker,
    Checker,
    Command,
    Native,
    NothingToJudge,
    Said,
    as_native,
)
from lemnos.runners.gates.project import Project
from lemnos.runners.gates.toolroom import Desk, KeptCaches, Ways, desk, environment, room
from lemnos.runners.gates.verdicts import Heard, Verdicts
from lemnos.runners.gates.versions import Versions
from lemnos.runners.quality.bench import Broken, Ended, Workbench

_log = logging.getLogger(__name__)

_KEPT = 32 * 1024 * 1024  # bytes of each end of what a tool prints: it is ended before it is more
_OUTPUT = 8_000  # characters for people to read
_SIGNALS = 64
AUDIT_AGE = 3600.0  # seconds for which what a database said is true enough
_NO_PROGRAM, _NO_EXEC, _BY_SIGNAL = 127, 126, 128  # as shells and the sandbox tell ends
_JUDGED = (Verdict.PASSED, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Job:
    """What is judged, and how. ``timeout`` seconds for each tool.

    ``touching`` is awaited before anything starts that can write to the tree. ``keeps``: tools may
    have caches that outlive the run. ``look`` finds the state of the tree as it is now.
    """

    project: Project
    tree: Tree
    request: GateRequest
    state: State
    timeout: float
    touching: Callable[[], Awaitable[None]] | None = None
    keeps: bool = True
    look: Callable[[], Awaitable[State]] | None = None


class Runner:
    """Runs checkers, at most ``jobs`` tools at once. What they do is never an exception."""

    def __init__(
        self, bench: Workbench, verdicts: Verdicts, kept: KeptCaches, ways: Ways, jobs: int
    ) -> None:
        self._bench = bench
        self._verdicts = verdicts
        self._kept = kept
        self._ways = ways
        self._versions = Versions(bench)
        self._jobs = asyncio.Semaphore(jobs)

    async def hear(self, checker: AnyChecker, job: Job) -> Heard:
        """What the checker says."""
        try:
            return await self._hear(checker, job)
        except Broken as error:
            return Heard(Said(Verdict.CRASHED, f"{checker.tool}: {error}."), checker.tool)
        except Exception as error:  # a checker may be anyone's code, and tools write what they like
            _log.debug("The checker %s raised.", checker.tool, exc_info=True)
            why = (
                str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            )
            said = Said(Verdict.CRASHED, f"{checker.tool} could not be judged by: {why}.")
            return Heard(said, checker.tool)

    async def _hear(self, checker: AnyChecker, job: Job) -> Heard:
        if trouble := _misconfigured(checker, job.project):
            return Heard(trouble, checker.tool)
        if not checker.applies(job.project):
            return Heard(Said(Verdict.NOT_APPLICABLE, "There is nothing to judge."), checker.tool)
        if native := as_native(checker):
            return await self._native(native, job)
        tool = cast(Checker, checker)
        program = tool.program(job.project)
        if program is None:
            return Heard(Said(Verdict.MISSING_TOOL, tool.missing(job.project)), tool.tool)
        async with desk() as at:
            try:
                return await self._tool(tool, job, program, at)
            except NothingToJudge as error:
                return Heard(Said(Verdict.NOT_APPLICABLE, str(error)), tool.tool)

    # --- checkers that look for themselves ------------------------------------------------------

    async def _native(self, checker: Native, job: Job) -> Heard:
        key = verdict_key(checker, job.project, job.request, job.state)
        if found := await self._known(checker, job, key):
            return found
        async with self._jobs:
            if checker.writes and job.touching is not None:
                await job.touching()
            begun = time.monotonic()
            try:
                async with asyncio.timeout(job.timeout):
                    said = await checker.judge(job.project, job.request)
            except TimeoutError:
                said = _timed_out(checker.tool, job.timeout)
        said = await _with_changes(checker, job, said)
        heard = Heard(said, checker.tool, seconds=time.monotonic() - begun)
        await self._keep(checker, job, key, heard)
        return heard

    # --- tools ----------------------------------------------------------------------------------

    async def _tool(self, checker: Checker, job: Job, program: Path, at: Desk) -> Heard:
        project = job.project
        command = await asyncio.to_thread(
            checker.command, project, program, job.request, at.reports
        )
        key = verdict_key(checker, project, job.request, job.state, command, program, at.folder)
        age = AUDIT_AGE if command.hosts else None
        if found := await self._known(checker, job, key, age):
            return found
        version = await self._versions.of(project, checker.tool, program)
        async with self._jobs:
            ended = await self.start(checker, job, command, at)
        said = await asyncio.to_thread(_judged, checker, job, ended, at.reports)
        said = await _with_changes(checker, job, said)
        shown = tuple(part.replace(str(at.folder), "$TMP") for part in command.argv)
        output = "" if said.verdict is Verdict.PASSED else ended.output[-_OUTPUT:]
        heard = Heard(said, checker.tool, version, shown, output, ended.seconds)
        await self._keep(checker, job, key, heard)
        return heard

    async def start(self, checker: Checker, job: Job, command: Command, at: Desk) -> Ended:
        """Run a command in the sandbox. Raises ``Broken`` when it can't be started."""
        if job.touching is not None:
            await job.touching()
        timeout = min(job.timeout, command.timeout or job.timeout)
        space = room(job.project, job.tree, command, at)
        env = environment(job.project, command, at)
        with contextlib.ExitStack() as stack:
            if command.cache_env and job.keeps:
                kept = stack.enter_context(self._kept.lent(job.project.root, checker.tool))
                if kept is not None:
                    env[command.cache_env] = str(kept)
                    space = replace(space, writable=(*space.writable, kept))
            async with self._ways.to(command.hosts) as (gateway, proxy):
                return await self._bench.run(
                    command.argv,
                    job.project.root,
                    timeout,
                    env={**env, **proxy},
                    kept=_KEPT,
                    room=replace(space, gateway=gateway),
                )

    async def mend(self, checker: Checker, job: Job) -> Ended | None:
        """Let a tool mend what it finds, where it can."""
        if not checker.applies(job.project) or (program := checker.program(job.project)) is None:
            return None
        command = checker.fixes(job.project, program)
        if command is None:
            return None
        async with desk() as at, self._jobs:
            return await self.start(checker, job, command, at)

    # --- what is known already --------------------------------------------------------------------

    async def _known(
        self, checker: AnyChecker, job: Job, key: str, max_age: float | None = None
    ) -> Heard | None:
        if not (_lasting(checker, job) and job.request.use_cache):
            return None
        return await asyncio.to_thread(self._verdicts.get, key, max_age)

    async def _keep(self, checker: AnyChecker, job: Job, key: str, heard: Heard) -> None:
        """Keep a verdict that would be the same again. A failed test may pass the next time."""
        verdicts = (Verdict.PASSED,) if checker.gate == "tests" else _JUDGED
        said = heard.said
        if said.verdict in verdicts and _lasting(checker, job) and not said.metadata.get(CHANGED):
            await asyncio.to_thread(self._verdicts.put, key, heard)


def _lasting(checker: AnyChecker, job: Job) -> bool:
    """Whether it says the same again, and the project does not doubt that (``cache = false``)."""
    return checker.cached and job.project.options(checker.gate).get("cache") is not False


async def _with_changes(checker: AnyChecker, job: Job, said: Said) -> Said:
    """What a checker said, and which files it has changed while it looked."""
    if not checker.writes or job.look is None:
        return said
    now = await job.look()
    old, new = job.state.stamps, now.stamps
    changed = sorted(
        path
        for path in old.keys() | new.keys()
        if path not in old or path not in new or old[path].digest != new[path].digest
    )
    files = "1 file was" if len(changed) == 1 else f"{len(changed)} files were"
    message = f"{said.message} {files} changed." if changed else said.message
    return replace(said, message=message, metadata={**said.metadata, CHANGED: changed})


def _judged(checker: Checker, job: Job, ended: Ended, reports: Path) -> Said:
    """What the end of a tool means. Blocks."""
    tool = checker.tool
    if ended.timed_out:
        return _timed_out(tool, ended.seconds)
    if ended.problem:
        return Said(Verdict.CRASHED, f"{tool} gave no verdict: {ended.problem}.")
    code = ended.exit_code or 0
    if code == _NO_PROGRAM:
        return Said(Verdict.MISSING_TOOL, f"{tool} needs a program that is missing: {_last(ended)}")
    if code == _NO_EXEC:
        return Said(Verdict.CRASHED, f"{tool} can't be started: {_last(ended)}")
    if _BY_SIGNAL < code <= _BY_SIGNAL + _SIGNALS:  # above: a code of its own, such as 255
        return Said(Verdict.CRASHED, f"{tool} was ended by signal {code - _BY_SIGNAL}.")
    try:
        return checker.read(job.project, job.request, ended, reports)
    except ValueError as error:
        why = f"{tool} gave no verdict (exit code {code}): {error}."
        return Said(Verdict.CRASHED, why)


def _timed_out(tool: str, seconds: float) -> Said:
    return Said(Verdict.TIMED_OUT, f"{tool} was still running after {seconds:.0f} s.")


def _last(ended: Ended) -> str:
    lines = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
    return lines[-1][:500] if lines else "it said nothing"


def _misconfigured(checker: AnyChecker, project: Project) -> Said | None:
    """Whether a file that the checker goes by can't be parsed."""
    needed = getattr(checker, "configs", ())
    broken = [f"{name}: {project.broken[name]}" for name in needed if name in project.broken]
    return Said(Verdict.MISCONFIGURED, "; ".join(broken)) if broken else None
