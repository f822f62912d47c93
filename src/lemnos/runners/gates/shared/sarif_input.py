"""Findings out of a SARIF log that a tool has written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lemnos.domains.quality.model import Finding, Level
from lemnos.runners.gates.answers import objects, positive, relative

_LEVELS = {"error": Level.ERROR, "warning": Level.WARNING, "note": Level.NOTE, "none": Level.NOTE}


def read_sarif(root: Path, log: Any) -> tuple[Finding, ...]:
    """The results that are not suppressed. Raises ``ValueError`` for what is no log."""
    if not isinstance(log, dict) or not isinstance(log.get("runs"), list):
        raise ValueError("its report is no SARIF log")
    for run in objects(log["runs"]):
        for invocation in objects(run.get("invocations")):
            if invocation.get("executionSuccessful") is False:
                raise ValueError("its report says that it did not succeed")
    return tuple(finding for run in objects(log["runs"]) for finding in _findings(root, run))


def _findings(root: Path, run: Mapping[str, Any]) -> Iterator[Finding]:
    driver = _object(_object(run.get("tool")).get("driver"))
    rules = objects(driver.get("rules"))
    levels = {
        rule.get("id"): _object(rule.get("defaultConfiguration")).get("level") for rule in rules
    }
    for result in objects(run.get("results")):
        if result.get("suppressions") or result.get("kind", "fail") not in ("fail", "open"):
            continue
        rule = result.get("ruleId") or _by_index(rules, result.get("ruleIndex"))
        level = result.get("level") or levels.get(rule) or "warning"
        path, region = _place(root, result)
        yield Finding(
            str(rule or driver.get("name") or "sarif"),
            str(_object(result.get("message")).get("text") or rule or ""),
            _LEVELS.get(str(level), Level.WARNING),
            path,
            positive(region.get("startLine")),
            positive(region.get("startColumn")),
            positive(region.get("endLine")),
            positive(region.get("endColumn")),
        )


def _by_index(rules: list[dict[str, Any]], index: object) -> Any:
    return rules[index].get("id") if isinstance(index, int) and 0 <= index < len(rules) else None


def _place(root: Path, result: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for location in objects(result.get("locations")):
        physical = _object(location.get("physicalLocation"))
        address = urlsplit(str(_object(physical.get("artifactLocation")).get("uri") or ""))
        if address.path:
            return relative(root, unquote(address.path)), _object(physical.get("region"))
    return "", {}


def _object(found: object) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
