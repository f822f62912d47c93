"""The gates on this machine, without a server."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lemnos.cli.errors import Interrupted
from lemnos.domains.quality.model import GateReport, GateRequest
from lemnos.domains.quality.plain import plain_gate, plain_report
from lemnos.domains.quality.ports import GateEvent, Tree
from lemnos.domains.workspaces.repositories import git_paths

if TYPE_CHECKING:
    from lemnos.cli.gates.files import BaselineFile
    from lemnos.cli.gates.place import Place
    from lemnos.cli.gates.telling import Teller
    from lemnos.cli.gates.verdict import Report
    from lemnos.settings import Settings


def judge_here(
    settings: Settings,
    where: Place,
    request: GateRequest,
    tell: Teller,
    baseline: BaselineFile | None = None,
) -> Report:
    """Run the gates, then write the baseline if there is one to write.

    Raises what ``Gates.run`` raises. Ctrl-C and SIGTERM end the tools and raise ``Interrupted``.
    """
    if baseline is not None:
        request = replace(request, baseline=baseline.name)
    report = _judged(settings, where, request, tell)
    if baseline is not None:
        report, told = baseline.follow(report)
        tell.note(told)
    return plain_report(report) | {"task_id": None}


def _judged(settings: Settings, where: Place, request: GateRequest, tell: Teller) -> GateReport:
    # What the runner logs, such as plug-ins that can't be loaded, is told as verdicts.
    logging.getLogger("lemnos").addHandler(logging.NullHandler())

    async def heard(event: GateEvent) -> None:
        if event.result is None:
            tell.begun(event.gate, event.done, event.total)
        else:
            tell.ended(plain_gate(event.result), event.done, event.total)

    async def work() -> GateReport:
        # Here, so that whoever names something wrong hears of it before all this is loaded.
        from lemnos.main.ground import make_ground

        _cancel_at_sigterm()
        trying = asyncio.get_running_loop().run_in_executor(None, make_ground, settings)
        from lemnos.main.quality import make_gates  # while the sandbox is tried

        ground = await trying
        if ground.sandbox.warning:
            tell.note(f"Tools are not confined: {ground.sandbox.warning}")
        gates = make_gates(settings, ground, _active_environment())
        try:
            return await gates.run(_tree(where.root), request, heard)
        finally:
            await gates.close()

    try:
        return asyncio.run(work())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise Interrupted("Interrupted; the tools that were running have been ended.") from None


def _cancel_at_sigterm() -> None:
    """As at Ctrl-C, of which asyncio hears by itself."""
    running = asyncio.current_task()
    assert running is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)


def _active_environment() -> Path | None:
    """The virtual environment that is activated, for projects that have none of their own."""
    active = os.environ.get("VIRTUAL_ENV")
    return Path(active) if active else None


def _tree(root: Path) -> Tree:
    """The user's own project, with its repository wherever that keeps what it knows."""
    return Tree(root, readable=git_paths(root, lambda _: True).outside)
