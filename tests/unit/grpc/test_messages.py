"""Between messages and plain data."""

from __future__ import annotations

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from lemnos.domains.cleanup.model import (
    Category,
    Cleaned,
    Problem,
    Reason,
    Removed,
    Skipped,
    plain_cleaned,
)
from lemnos.domains.quality.model import Finding, GateReport, GateResult, Verdict
from lemnos.domains.quality.plain import plain_report
from lemnos.grpc.generated.hephaestus.v1 import analytics_pb2, cleanup_pb2, quality_pb2
from lemnos.grpc.messages import filled, refuse_nul
from lemnos.kernel.errors import Invalid


def test_a_report_of_gates_is_told_whole() -> None:
    finding = Finding("F401", "unused", path="a.py", line=3)
    result = GateResult("lint", Verdict.FAILED, "1 error.", 0.5, "ruff", findings=(finding,))
    plain = plain_report(GateReport((result,), 1.5)) | {"task_id": "task-1"}
    report = filled(quality_pb2.GuardRailsReport(), plain)
    assert (report.success, report.duration, report.task_id) == (False, 1.5, "task-1")
    (gate,) = report.gates
    assert (gate.name, gate.passed, gate.message, gate.duration) == ("lint", False, "1 error.", 0.5)
    metadata = MessageToDict(gate.metadata)
    assert metadata["verdict"] == "failed"
    assert metadata["findings"][0]["ruleId"] == "F401"


def test_a_manifest_is_told_whole() -> None:
    cleaned = Cleaned(
        "/forge",
        deep_clean=True,
        dry_run=False,
        removed=(Removed("build/", Category.BUILD_OUTPUT, 3, 2**40),),
        skipped=(Skipped("dist", Reason.TRACKED),),
        errors=(Problem("x", "Read-only file system"),),
    )
    report = filled(cleanup_pb2.CleanupReport(), plain_cleaned(cleaned))
    assert (report.files_deleted, report.size_freed) == (3, 2**40)
    manifest = report.manifest
    assert (manifest.root, manifest.deep_clean, manifest.dry_run) == ("/forge", True, False)
    assert [(one.path, one.category) for one in manifest.removed] == [("build/", "build_output")]
    assert [(one.path, one.reason) for one in manifest.skipped] == [("dist", "tracked")]
    assert [(one.path, one.error) for one in manifest.errors] == [("x", "Read-only file system")]


def test_what_was_not_measured_is_absent() -> None:
    metrics = filled(analytics_pb2.Metrics(), {"churn": 3, "coverage": None, "news": 1})
    assert metrics.churn == 3
    assert not metrics.HasField("coverage")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (quality_pb2.CheckDriftRequest(workspace="a\0"), "workspace"),
        (
            quality_pb2.RunGuardRailsRequest(options=quality_pb2.GuardRailsOptions(gates=["\0"])),
            "gates",
        ),
    ],
)
def test_a_nul_character_is_found_wherever_it_is(message: Message, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        refuse_nul(message)
    assert caught.value.fields == {field: "holds a NUL character"}
