"""The baseline: findings that a project has accepted, so that only new ones block (a ratchet).

The file is JSON with one finding a line, in order, so that two branches that touch different
findings merge without a conflict::

    {"version": 1, "findings": [
    {"gate": "lint", "path": "a.py", "rule": "E501", "fingerprint": "3f…", "message": "…"},
    {"gate": "types", …}
    ]}
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from lemnos.domains.quality.fingerprint import read_regular
from lemnos.domains.quality.model import Finding, GateReport, GateResult, Level, Verdict
from lemnos.kernel.errors import Invalid, NotFound

DEFAULT_NAME = "lemnos-baseline.json"
# In a result's metadata: how many findings a checker has left out. They can't be known ones.
OMITTED = "findings_omitted"

_JUDGED = (Verdict.PASSED, Verdict.FAILED)
_VERSION = 1
_LARGEST = 32 * 1024 * 1024  # bytes
_MOST = 200_000  # findings
_MESSAGE = 200  # characters, enough for people to see what it is


class Entry(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """One accepted finding. Only ``gate`` and ``fingerprint`` identify it; the rest is to read."""

    gate: str
    path: str
    rule: str
    fingerprint: str
    message: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by."""
        return self.gate, self.fingerprint


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    findings: list[Entry]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The accepted findings of a project."""

    entries: frozenset[Entry] = frozenset()

    @classmethod
    def of(cls, results: Iterable[GateResult]) -> Baseline:
        """All that gates with a verdict point out now."""
        return cls(
            frozenset(
                _entry(result.gate, finding)
                for result in results
                if _judged(result)
                for finding in result.findings
                if finding.fingerprint
            )
        )

    @classmethod
    def load(cls, path: Path) -> Baseline:
        """Read the file. Blocks.

        Raises ``NotFound`` where there is none, ``Invalid`` (field ``baseline``) for one that
        can't be read: it is never taken for an empty one.
        """
        try:
            read = msgspec.json.decode(read_regular(path, _LARGEST), type=_File)
        except FileNotFoundError:
            raise NotFound(
                f"There is no baseline {path.name}.", code="baseline_not_found"
            ) from None
        except (OSError, ValueError) as error:  # msgspec's errors are ValueErrors
            raise _unreadable(path, str(error)) from None
        if read.version != _VERSION:
            raise _unreadable(path, f"its version is {read.version}, known is {_VERSION}")
        if len(read.findings) > _MOST:
            raise _unreadable(path, f"it holds more than {_MOST} findings")
        return cls(frozenset(read.findings))

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. Blocks."""
        content = self.text().encode(errors="replace")
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                os.fchmod(descriptor, 0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def text(self) -> str:
        """The content of the file."""
        lines = ",\n".join(_line(entry) for entry in sorted(self.entries))
        return f'{{"version": {_VERSION}, "findings": [\n{lines}\n]}}\n'

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """Gate and fingerprint of each finding."""
        return frozenset(entry.key for entry in self.entries)


def mark(
    results: Iterable[GateResult], baseline: Baseline, *, where: str = "in the baseline"
) -> tuple[GateResult, ...]:
    """The results with the findings of the baseline as known ones.

    A gate that has failed for known findings alone has passed. One without a verdict stays so:
    what it would have found nobody knows.
    """
    keys = baseline.keys
    return tuple(_marked(result, keys, where) for result in results)


def mark_from(
    results: Iterable[GateResult], base_results: Iterable[GateResult]
) -> tuple[GateResult, ...]:
    """The results, with what the same gates find in the base as known."""
    return mark(results, Baseline.of(base_results), where="that the base has, too")


def tightened(
    baseline: Baseline, report: GateReport, *, changed: Iterable[str] | None = None
) -> Baseline:
    """The baseline without what has been fixed. It never grows.

    What belongs to a gate that did not run, or gave no verdict, stays; so does what belongs to
    another file than the ``changed`` ones, to which a run was narrowed.
    """
    looked = None if changed is None else frozenset(changed)
    judged = {result.gate for result in report.results if _judged(result) and _whole(result)}
    found = {
        (result.gate, finding.fingerprint)
        for result in report.results
        for finding in result.findings
    }
    return Baseline(
        frozenset(
            entry
            for entry in baseline.entries
            if entry.gate not in judged
            or entry.key in found
            or (looked is not None and entry.path not in looked)
        )
    )


def widened(
    baseline: Baseline, report: GateReport, *, changed: Iterable[str] | None = None
) -> Baseline:
    """The baseline as it is now, new findings accepted and fixed ones dropped; only when asked."""
    kept = tightened(baseline, report, changed=changed)
    return Baseline(_by_key(kept.entries, Baseline.of(report.results).entries))


def _by_key(old: frozenset[Entry], new: frozenset[Entry]) -> frozenset[Entry]:
    """One entry for each finding, in its newest words."""
    entries = {entry.key: entry for entry in (*old, *new)}
    return frozenset(entries.values())


def _marked(result: GateResult, keys: frozenset[tuple[str, str]], where: str) -> GateResult:
    if not _judged(result) or not result.findings:
        return result
    findings = tuple(
        replace(finding, known=finding.known or (result.gate, finding.fingerprint) in keys)
        for finding in result.findings
    )
    marked = replace(result, findings=findings)
    known = sum(finding.known for finding in findings)
    if not known or result.verdict is not Verdict.FAILED or not _whole(result):
        return marked
    # Warnings do not fail a gate that has errors, so they need not be known.
    errors = [finding for finding in findings if finding.level is Level.ERROR] or findings
    if not all(finding.known for finding in errors):
        return marked
    things = "1 known finding" if known == 1 else f"{known} known findings"
    return replace(marked, verdict=Verdict.PASSED, message=f"No new findings; {things} {where}.")


def _judged(result: GateResult) -> bool:
    return result.verdict in _JUDGED


def _whole(result: GateResult) -> bool:
    """Whether nothing is left out, and each tool of a gate that has several gave a verdict."""
    tools = result.metadata.get("tools") or {}
    judged = all(
        tool.get("verdict") in (*_JUDGED, Verdict.NOT_APPLICABLE) for tool in tools.values()
    )
    return judged and not result.metadata.get(OMITTED)


def _entry(gate: str, finding: Finding) -> Entry:
    message = " ".join(finding.message.split())[:_MESSAGE]
    return Entry(gate, finding.path, finding.rule, finding.fingerprint, message)


def _line(entry: Entry) -> str:
    return json.dumps(msgspec.to_builtins(entry), ensure_ascii=False)


def _unreadable(path: Path, why: str) -> Invalid:
    message = f"The baseline {path.name} can't be read: {why}"
    return Invalid(message, code="baseline_invalid", fields={"baseline": why})
