"""A report of gates as a SARIF 2.1.0 log: one run for each gate, told apart by automation id.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from lemnos.domains.quality.model import GateReport, Verdict
from lemnos.domains.quality.plain import SOURCE_ROOT, plain_report

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_JUDGED = {Verdict.PASSED, Verdict.FAILED, Verdict.NOT_APPLICABLE}


def sarif_log(report: GateReport, *, root: str = "", version: str) -> dict[str, Any]:
    """The log. ``root`` is the absolute path of the tree, ``version`` that of Lemnos."""
    return sarif_of_plain(plain_report(report), root=root, version=version)


def sarif_of_plain(
    plain: Mapping[str, Any], *, root: str = "", version: str = ""
) -> dict[str, Any]:
    """The log of a report as ``plain_report`` has it, such as that of a finished operation."""
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [_run(gate, root, version) for gate in plain.get("gates", ())],
    }


def _run(gate: Mapping[str, Any], root: str, version: str) -> dict[str, Any]:
    metadata = gate.get("metadata", {})
    results = metadata.get("findings", [])
    return {
        "tool": {"driver": _driver(metadata, results)},
        # The tools say it in their own words; Lemnos has turned them into SARIF.
        "conversion": {"tool": {"driver": _component("Lemnos", version)}},
        # GitHub takes two runs of one tool in a log only if their ids differ.
        "automationDetails": {"id": f"lemnos/{gate['name']}/"},
        "originalUriBaseIds": {SOURCE_ROOT: _root(root)},
        "invocations": [_invocation(gate, metadata)],
        # Absent would be the better word for a tool that never ran, but GitHub demands a list.
        "results": results,
        "properties": {
            "gate": gate["name"],
            "verdict": metadata.get("verdict", ""),
            "optional": metadata.get("optional", False),
            "durationSeconds": gate.get("duration", 0.0),
        },
    }


def _driver(metadata: Mapping[str, Any], results: list[Mapping[str, Any]]) -> dict[str, Any]:
    rules = sorted({result["ruleId"] for result in results if result.get("ruleId")})
    driver = _component(metadata.get("tool") or "Lemnos", metadata.get("version") or "")
    return {**driver, "rules": [{"id": rule} for rule in rules]}


def _component(name: str, version: str) -> dict[str, Any]:
    return {"name": name, **({"version": version} if version else {})}


def _root(root: str) -> dict[str, Any]:
    described = {"description": {"text": "The root of the project."}}
    if not root:
        return described
    return {**described, "uri": f"{PurePosixPath(root).as_uri().rstrip('/')}/"}


def _invocation(gate: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    verdict = metadata.get("verdict", "")
    successful = verdict in _JUDGED
    made: dict[str, Any] = {"executionSuccessful": successful}
    if command := metadata.get("command"):
        made["commandLine"] = shlex.join(command)
        made["arguments"] = list(command[1:])
    if not successful or verdict == Verdict.NOT_APPLICABLE:
        text = gate.get("message") or verdict
        level = "note" if successful else "error"
        made["toolExecutionNotifications"] = [
            {"level": level, "message": {"text": text}, "descriptor": {"id": f"lemnos/{verdict}"}}
        ]
    return made
