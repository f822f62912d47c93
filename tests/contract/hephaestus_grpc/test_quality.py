"""QualityService: gates as they begin and end, the report, drift, and who ends a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from lemnos.grpc.generated.hephaestus.v1 import quality_pb2 as pb
from lemnos.platform.identity import PERMISSIONS
from lemnos.platform.identity.tokens import LEEWAY
from tests.contract.hephaestus_grpc.conftest import MakeProject
from tests.contract.hephaestus_grpc.rpc import (
    Client,
    address_of,
    details_of,
    events_of,
    trailing,
)
from tests.support.server import PATIENCE, LemnosServer

# The test waits until someone makes the file `go`; a child of it can be told by its argument.
WAITING = """
import pathlib
import subprocess
import sys
import time

def test_waits():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", {marker!r}])
    pathlib.Path("begun").touch()
    while not pathlib.Path("go").exists():
        time.sleep(0.02)
"""


def waiting_project(make_project: MakeProject, marker: str) -> Path:
    return make_project(
        {"src/forge.py": "ANVIL = 1\n", "test_it.py": WAITING.format(marker=marker)}
    )


def stream_request(workspace: Path, *gates: str) -> pb.RunGuardRailsStreamRequest:
    options = pb.GuardRailsOptions(workspace=str(workspace), gates=gates)
    return pb.RunGuardRailsStreamRequest(options=options)


def processes_with(marker: str) -> list[psutil.Process]:
    """Those that hold a text among their arguments."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if marker in (process.info["cmdline"] or ())
    ]


def test_each_gate_is_told_as_it_ends_and_the_report_comes_last(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    project = waiting_project(make_project, "told-as-it-ends")
    request = stream_request(project, "lint", "tests")
    stream = client.quality.RunGuardRailsStream(request, metadata=client.auth, timeout=PATIENCE)
    told, progress = [], []
    for answer in stream:
        kind = answer.WhichOneof("event")
        event = getattr(answer, kind)
        name = event.gate.name if kind == "gate_finished" else getattr(event, "name", "")
        told.append((kind, name))
        progress.append(answer.progress)
        if ("gate_finished", "lint") in told:
            # Only now the tests may end: what was told before was told while they ran.
            (project / "go").touch()
    assert told[0] == ("started", "")
    assert told[-1] == ("report", "")
    assert sorted(told[1:-1]) == [
        ("gate_finished", "lint"),
        ("gate_finished", "tests"),
        ("gate_started", "lint"),
        ("gate_started", "tests"),
    ]
    assert told.index(("gate_finished", "lint")) < told.index(("gate_finished", "tests"))
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    report = answer.report
    assert report.success
    assert [gate.name for gate in report.gates] == ["lint", "tests"]
    assert trailing(stream)["x-request-id"]
    shown = server.client.get(f"/api/v1/tasks/{report.task_id}").json()
    assert (shown["status"], shown["result"]["success"]) == ("completed", True)


def test_the_report_is_that_of_the_rest_api(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    project = make_project({"a.py": "import os\n"})
    options = pb.GuardRailsOptions(workspace=str(project), gates=["lint", "format"], no_format=True)
    request = pb.RunGuardRailsRequest(options=options)
    answer, call = client.quality.RunGuardRails.with_call(request, metadata=client.auth)
    report = answer.report
    assert not report.success
    assert task_id_of(call) == report.task_id
    lint, format_ = report.gates
    assert (lint.name, lint.passed, format_.name, format_.passed) == ("lint", False, "format", True)
    (finding,) = lint.metadata["findings"]
    assert finding["ruleId"] == "F401"

    shown = server.client.get(f"/api/v1/tasks/{report.task_id}").json()["result"]
    assert [gate["message"] for gate in shown["gates"]] == [lint.message, format_.message]
    assert shown["gates"][0]["metadata"]["findings"][0]["ruleId"] == "F401"


def test_drift_is_looked_at_alone(client: Client, make_project: MakeProject) -> None:
    pyproject = '[project]\nname = "x"\nversion = "1"\n[dependency-groups]\ndev = ["ruff==0.0.1"]\n'
    project = make_project({"pyproject.toml": pyproject})
    request = pb.CheckDriftRequest(workspace=str(project))
    answer = client.quality.CheckDrift(request, metadata=client.auth, timeout=PATIENCE)
    assert answer.gate.name == "drift"
    assert not answer.success
    assert "ruff" in str(answer.gate.metadata)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (pb.GuardRailsOptions(workspace="/"), "workspace"),
        (pb.GuardRailsOptions(workspace="relative"), "workspace"),
        (pb.GuardRailsOptions(workspace="/etc", task_id="task_x"), "task_id"),
        (pb.GuardRailsOptions(workspace="a\0b"), "workspace"),
        (pb.GuardRailsOptions(timeout_seconds=0), "timeout_seconds"),
        (pb.GuardRailsOptions(timeout_seconds=float("nan")), "timeout_seconds"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_of_its_field(
    client: Client, options: pb.GuardRailsOptions, field: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        client.quality.RunGuardRails(pb.RunGuardRailsRequest(options=options), metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = details_of(caught.value)["BadRequest"].field_violations
    assert violation.field == field


def test_a_task_that_is_not_there_is_not_found(client: Client) -> None:
    options = pb.GuardRailsOptions(task_id="task_" + "0" * 26)
    with pytest.raises(grpc.RpcError) as caught:
        client.quality.RunGuardRails(pb.RunGuardRailsRequest(options=options), metadata=client.auth)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert details_of(caught.value)["ErrorInfo"].reason == "TASK_NOT_FOUND"


def test_cancelling_the_stream_ends_the_run_and_its_tools(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    marker = "ended-with-the-stream"
    project = waiting_project(make_project, marker)
    stream = client.quality.RunGuardRailsStream(
        stream_request(project, "tests"), metadata=client.auth
    )
    _, started = next(events_of(stream))
    server.until((project / "begun").exists, what="the test runs")
    server.until(lambda: bool(processes_with(marker)), what="its child runs")

    stream.cancel()
    path = f"/api/v1/tasks/{started.task_id}"
    server.until(lambda: server.client.get(path).json()["status"] == "cancelled", what="the cancel")
    server.until(lambda: not processes_with(marker), what="the end of the tools")


def test_a_unary_call_that_is_given_up_leaves_its_run_to_whoever_asks_for_it(
    server: LemnosServer, client: Client, make_project: MakeProject
) -> None:
    project = waiting_project(make_project, "left-behind")
    options = pb.GuardRailsOptions(workspace=str(project), gates=["tests"])
    # As a stream of one answer: else Python's client shows the metadata with the answer only.
    run: Any = client.channel.unary_stream(
        "/hephaestus.v1.QualityService/RunGuardRails",
        request_serializer=pb.RunGuardRailsRequest.SerializeToString,
    )
    call = run(pb.RunGuardRailsRequest(options=options), metadata=client.auth)
    path = f"/api/v1/tasks/{task_id_of(call)}"
    server.until((project / "begun").exists, what="the test runs")
    call.cancel()
    (project / "go").touch()
    server.until(lambda: server.client.get(path).json()["status"] == "completed", what="the end")


def test_a_stream_ends_when_its_credential_does(
    server: LemnosServer, make_project: MakeProject
) -> None:
    marker = "ended-with-the-credential"
    project = waiting_project(make_project, marker)
    # Clocks may differ, so a token is good for a while longer: for six seconds here.
    token = server.token(roles=("guard-rails",), permissions=PERMISSIONS, lifetime=6 - LEEWAY)
    with Client(address_of(server), token) as client:
        stream = client.quality.RunGuardRailsStream(
            stream_request(project, "lint", "tests"), metadata=client.auth
        )
        started = next(stream).started
        server.until((project / "begun").exists, what="the test runs")
        server.until(lambda: not admitted(client), what="the token has expired")
        (project / "go").touch()
        with pytest.raises(grpc.RpcError) as caught:
            list(stream)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert server.client.get(f"/api/v1/tasks/{started.task_id}").status_code == 200


def admitted(client: Client) -> bool:
    """Whether the credential is good."""
    with pytest.raises(grpc.RpcError) as caught:
        client.quality.CheckDrift(pb.CheckDriftRequest(workspace="/"), metadata=client.auth)
    return caught.value.code() is not grpc.StatusCode.UNAUTHENTICATED


def task_id_of(call: Any) -> str:
    """What the initial metadata says."""
    return str(dict(call.initial_metadata())["x-task-id"])
