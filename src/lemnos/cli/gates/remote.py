"""The gates at a server: the same report, told as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lemnos.cli.client import Client
from lemnos.cli.errors import CommandError, Interrupted
from lemnos.cli.gates.verdict import NoVerdict
from lemnos.cli.orders import filled

if TYPE_CHECKING:
    from lemnos.cli.discovery import Server
    from lemnos.cli.gates.place import Place
    from lemnos.cli.gates.telling import Teller
    from lemnos.cli.gates.verdict import Report
    from lemnos.cli.shapes import StreamEvent
    from lemnos.domains.quality.model import GateRequest


def judge_there(server: Server, where: Place, request: GateRequest, tell: Teller) -> Report:
    """Let the server run the gates on a folder that it can reach by the same path.

    Raises ``CommandError`` as :class:`Client` does, and for a run that ended without a report.
    Ctrl-C cancels the run and raises ``Interrupted``.
    """
    with Client(server) as client:
        task_id = client.hephaestus.guard_rails(_body(where, request))["task_id"]
        last = ""
        try:
            for event in client.hephaestus.events(task_id):
                last = event["id"] or last
                _told(event, tell)
        except KeyboardInterrupt:
            raise _cancelled(client, task_id, last) from None
        ended = client.hephaestus.task(task_id)
    if ended["status"] != "completed":
        raise NoVerdict(f"The run is {ended['status']}: {ended['error'] or 'no reason is given'}")
    return {**ended["result"], "task_id": task_id}


def _body(where: Place, request: GateRequest) -> dict[str, Any]:
    return filled(
        workspace=str(where.root),
        no_format=request.no_format,
        drift_check=request.drift_check,
        gates=list(request.gates),
        profile=request.profile,
        fail_fast=request.fail_fast,
        baseline=request.baseline,
        use_cache=request.use_cache,
        timeout_seconds=request.timeout,
    )


def _told(event: StreamEvent, tell: Teller) -> None:
    said = event["data"]
    if event["event"] == "gate_started":
        tell.begun(said["gate"], said["done"], said["total"])
    elif event["event"] == "gate_finished":
        tell.ended(said["result"], said["done"], said["total"])


def _cancelled(client: Client, task_id: str, last: str) -> Interrupted:
    try:
        client.hephaestus.cancel(task_id)
    except CommandError:
        return Interrupted(f"The run {task_id} had ended already.")
    for _ in client.hephaestus.events(task_id, last):
        pass
    return Interrupted(f"The run {task_id} is cancelled.")
