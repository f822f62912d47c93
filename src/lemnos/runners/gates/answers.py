"""Reading what tools have written: bounded, and never taken for whole when it was cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lemnos.domains.quality.model import Finding, Level, Verdict
from lemnos.runners.gates.files import read_report
from lemnos.runners.gates.plugin import Said
from lemnos.runners.quality.bench import Ended

_TAIL = 600  # characters of a tool's output in a message


def json_file(reports: Path, name: str, ended: Ended) -> Any:
    """A report in JSON. Raises ``ValueError``, with the tool's last words, for a missing one."""
    try:
        return json.loads(read_report(reports, name))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its report can't be read: {error}; {last_words(ended)}") from None


def json_text(text: str, ended: Ended) -> Any:
    """What it printed as JSON. Raises ``ValueError`` likewise."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its report can't be read: {error}; {last_words(ended)}") from None


def last_words(ended: Ended) -> str:
    """How it ended and the end of what it said, errors before the rest."""
    said = ended.stderr.strip() or ended.stdout.strip()
    return f"it ended with {ended.exit_code}: {said[-_TAIL:]}".rstrip(": ")


def relative(root: Path, path: str) -> str:
    """A path as tools tell it, relative to the root with slashes; as it is for one outside."""
    for base in (root, root.resolve()):
        inside = os.path.relpath(os.path.join(base, path), base)
        if not inside.startswith(".."):
            return inside.replace(os.sep, "/")
    return path


def positive(number: object) -> int | None:
    """A line or column that counts from 1; None for what tools write where there is none."""
    return number if isinstance(number, int) and number > 0 else None


def judged(findings: tuple[Finding, ...], *, failed: bool, clean: str = "No findings.") -> Said:
    """The verdict of a tool that points things out; ``failed`` is what its exit code says."""
    if not findings:
        return Said(Verdict.PASSED, clean)
    errors = sum(finding.level is Level.ERROR for finding in findings)
    others = len(findings) - errors
    told = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (others, "warning"))
        if count
    )
    return Said(Verdict.FAILED if failed else Verdict.PASSED, f"{told}.", findings)


def by_exit_code(ended: Ended, name: str) -> Said:
    """The verdict of a tool whose end is all that is known of it."""
    if ended.exit_code == 0:
        return Said(Verdict.PASSED, f"{name} passed.")
    output = ended.output[-2000:]
    finding = Finding(name, f"{name} ended with {ended.exit_code}: {output}".rstrip(": "))
    return Said(Verdict.FAILED, f"{name} ended with {ended.exit_code}.", (finding,))


def objects(found: object) -> list[dict[str, Any]]:
    """The objects of a list in a report, which may hold anything."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
